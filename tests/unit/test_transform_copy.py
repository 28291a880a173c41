"""The readers' copy appears whole or not at all, and holds the datamart's tables only."""

from pathlib import Path

import duckdb
import pytest

from pipeline.errors import ConfigurationError
from pipeline.transform_copy import swap_in_copy


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    path = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "create schema core; create table core.dim as select 1 as id;"
            "create schema datamart; create table datamart.mart as select 1.50::decimal(18,2) as revenue;"
            'create table datamart."odd ""name""" as select 2 as x; create view datamart.seen as from datamart.mart'
        )
    return path


def test_the_copy_holds_the_datamarts_tables(warehouse: Path) -> None:
    copy = warehouse.with_name("datamart.duckdb")

    swap_in_copy(warehouse, copy)

    with duckdb.connect(str(copy), read_only=True) as connection:
        assert connection.execute("select table_name from duckdb_tables() order by all").fetchall() == [
            ("mart",),
            ('odd "name"',),
        ]
        assert connection.execute("describe mart").fetchall()[0][:2] == ("revenue", "DECIMAL(18,2)")
        assert connection.execute("from datamart.mart").fetchall() == connection.execute("from mart").fetchall()


def test_a_reader_keeps_what_it_opened_and_the_next_sees_the_new(warehouse: Path) -> None:
    copy = warehouse.with_name("datamart.duckdb")
    swap_in_copy(warehouse, copy)
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("update datamart.mart set revenue = 2")

    with copy.open("rb") as reader:
        before = copy.read_bytes()
        swap_in_copy(warehouse, copy)
        assert reader.read() == before

    with duckdb.connect(str(copy), read_only=True) as connection:
        assert connection.execute("select revenue::int from mart").fetchall() == [(2,)]


def test_what_a_killed_copy_left_is_in_nobodys_way(warehouse: Path) -> None:
    copy = warehouse.with_name("datamart.duckdb")
    copy.with_suffix(".new").write_text("half a file")
    Path(f"{copy.with_suffix('.new')}.wal").write_text("half a log")

    swap_in_copy(warehouse, copy)

    assert {file.name for file in copy.parent.iterdir()} == {"warehouse.duckdb", "datamart.duckdb"}


def test_a_copy_that_fails_leaves_the_old_one(warehouse: Path) -> None:
    copy = warehouse.with_name("datamart.duckdb")
    swap_in_copy(warehouse, copy)
    before = copy.read_bytes()
    warehouse.write_text("no database")

    with pytest.raises(duckdb.Error):
        swap_in_copy(warehouse, copy)

    assert copy.read_bytes() == before


def test_the_copy_never_replaces_the_warehouse(warehouse: Path) -> None:
    with pytest.raises(ConfigurationError, match="readers' copy"):
        swap_in_copy(warehouse, warehouse)
