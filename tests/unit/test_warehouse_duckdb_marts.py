"""The readers' copy appears whole or not at all, and holds the datamart's tables only."""

import resource
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

from pipeline.errors import ConfigurationError, StepError
from pipeline.warehouse.duckdb_marts import swap_in_copy


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

    with pytest.raises(StepError, match=r"cannot write the readers' copy .*datamart\.duckdb: .*warehouse\.duckdb"):
        swap_in_copy(warehouse, copy)

    assert copy.read_bytes() == before


@contextmanager
def disk_of(size: int) -> Iterator[None]:
    """No file of this process grows beyond `size` bytes, as on a disk that becomes full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


# The limit is hit by the first write, by the commit, and by the last step, which moves the tables out of the log.
@pytest.mark.parametrize("size", [5_000, 50_000, 100_000, 300_000])
def test_a_full_disk_is_named_and_readers_keep_what_they_had(warehouse: Path, size: int) -> None:
    copy = warehouse.with_name("datamart.duckdb")
    swap_in_copy(warehouse, copy)
    before = copy.read_bytes()
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("create table datamart.large as select md5(i::text) as x from range(2000) t(i)")

    with disk_of(size), pytest.raises(StepError) as failure:
        swap_in_copy(warehouse, copy)

    assert str(copy) in failure.value.message
    assert "File too large" in failure.value.message
    assert "Free disk space" in failure.value.remedy
    assert copy.read_bytes() == before
    assert {file.name for file in copy.parent.iterdir()} == {"warehouse.duckdb", "datamart.duckdb"}


def test_what_a_killed_writer_left_beside_the_copy_does_not_block_the_next(warehouse: Path) -> None:
    copy = warehouse.with_name("datamart.duckdb")
    swap_in_copy(warehouse, copy)
    copy.chmod(0o644)
    write_and_die = (
        "import duckdb, os, signal, sys; connection = duckdb.connect(sys.argv[1]); "
        "connection.execute('create table mine as select 1'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run([sys.executable, "-c", write_and_die, str(copy)], timeout=60, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert Path(f"{copy}.wal").exists()
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("update datamart.mart set revenue = 2")

    swap_in_copy(warehouse, copy)

    with duckdb.connect(str(copy), read_only=True) as connection:
        assert connection.execute("select revenue::int from mart").fetchall() == [(2,)]


def test_nobody_may_write_to_the_copy(warehouse: Path) -> None:
    copy = warehouse.with_name("datamart.duckdb")

    for _ in range(2):
        swap_in_copy(warehouse, copy)

        assert stat.S_IMODE(copy.stat().st_mode) & 0o222 == 0
        assert copy.stat().st_mode & stat.S_IRUSR


def test_the_copy_never_replaces_the_warehouse(warehouse: Path) -> None:
    with pytest.raises(ConfigurationError, match="readers' copy"):
        swap_in_copy(warehouse, warehouse)
