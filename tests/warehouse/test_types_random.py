"""Random tables of random values, among them many that no warehouse holds: what is published and what is rejected are
together the source's rows, each exact, and none is rejected that need not be."""

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

import duckdb
import psycopg
import pytest
import yaml
from both_sides import BothSides, Row
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.sql import SQL, Identifier
from random_values import VALUES

from pipeline import equality, steps
from pipeline.settings import Settings
from pipeline.snapshot import connect

pytestmark = pytest.mark.slow

LAST_DAY = date(9999, 12, 30)
few = settings(
    max_examples=4,
    deadline=None,
    suppress_health_check=[
        HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example,
        HealthCheck.function_scoped_fixture,
    ],
)  # fmt: skip

KINDS = list(VALUES)
MOMENTS = ["date", "timestamp", "timestamptz"]


def is_bad(declared: str, value: str | None) -> bool:
    """Whether docs/types.md has this value rejected: an opinion of its own, of the text that PostgreSQL was given."""
    if value is None:
        return False
    if declared in MOMENTS:
        return "infinity" in value or value.endswith("BC") or len(value.split("-")[0]) > 4
    return (declared, value) in {("time", "24:00:00"), ("numeric(12,2)", "NaN")}


def drawn(data: st.DataObject, kinds: Sequence[str], at_most: int) -> list[Row]:
    cells = [st.none() | VALUES[kind] for kind in kinds]
    return data.draw(st.lists(st.tuples(*cells), min_size=1, max_size=at_most), "rows")


@pytest.fixture(scope="module")
def both(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BothSides]:
    with BothSides.opened(postgres_url, tmp_path_factory.mktemp("both")) as sides:
        yield sides


@few
@given(data=st.data())
def test_a_random_table_is_published_and_rejected_exactly(both: BothSides, data: st.DataObject) -> None:
    kinds = data.draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=7), "types")
    rows = drawn(data, kinds, 60)

    sides = both.fingerprints({f"c{n}": kind for n, kind in enumerate(kinds)}, {"t": rows})["t"]

    assert sides.source == sides.warehouse
    assert sides.source.rows == len(rows)
    assert sides.rejected == sum(any(map(is_bad, kinds, row)) for row in rows)


@few
@given(data=st.data())
def test_a_random_daily_table_is_published_and_rejected_exactly(
    postgres_url: str, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Through the real steps, day by day; its day may be any moment, or none."""
    kinds = [
        data.draw(st.sampled_from(MOMENTS), "day"),
        *data.draw(st.lists(st.sampled_from(KINDS), max_size=4), "types"),
    ]
    rows = [row for row in drawn(data, kinds, 20) if row[0] is None or not row[0].startswith("9999-12-31")]
    folder = tmp_path_factory.mktemp("daily")
    with connect(postgres_url) as connection:
        fill(connection, kinds, rows)
        daily = {"partition": "c0", "columns": {f"c{n}": kind for n, kind in enumerate(kinds)}}
        synced = Settings(_env_file=None, **chosen(postgres_url, folder, daily))

        steps.sync_day(synced, LAST_DAY)

    assert equality.audit(synced).equal
    assert steps.sync_day(synced, LAST_DAY).publish.nothing_to_do
    bad = sum(row[0] is None or any(map(is_bad, kinds, row)) for row in rows)
    assert published(synced) == (len(rows) - bad, bad)


def fill(connection: psycopg.Connection, kinds: Sequence[str], rows: Sequence[Row]) -> None:
    columns = SQL(", ").join(SQL(f"c{n} {kind}") for n, kind in enumerate(kinds))  # type: ignore[arg-type]
    connection.execute("drop schema if exists random cascade; create schema random")
    connection.execute(SQL("create table random.t ({})").format(columns))
    with connection.cursor().copy(SQL("copy {} from stdin").format(Identifier("random", "t"))) as copy:
        for row in rows:
            copy.write_row(row)


def chosen(url: str, folder: Path, table: dict[str, object]) -> dict[str, object]:
    catalog = folder / "tables.yml"
    catalog.write_text(yaml.safe_dump({"schema": "random", "tables": {"t": table}}, sort_keys=False))
    return {"source": "external", "source_url": url, "data_dir": folder, "catalog": catalog}


def published(synced: Settings) -> tuple[int, int]:
    """Rows in the table, and in that of the rejected ones, where there is one."""
    with duckdb.connect(synced.warehouse.removeprefix("duckdb://"), read_only=True) as connection:
        there = {name for (name,) in connection.execute("select table_name from duckdb_tables()").fetchall()}
        counts = [
            connection.execute(f"select count(*) from staging.{name}").fetchone() if name in there else (0,)
            for name in ("t", "rejected_t")
        ]
    return tuple(count[0] for count in counts if count)  # type: ignore[return-value]
