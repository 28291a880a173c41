"""The ends of each type: a value either arrives exactly, or its row is rejected, with the reason."""

from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from pipeline import equality, steps
from pipeline.rejected import MAX_ROW_BYTES
from pipeline.settings import Settings
from pipeline.snapshot import connect

pytestmark = pytest.mark.slow

DAY = date(2025, 1, 10)


class Source:
    """A source with one table `t`, moved by the real steps."""

    def __init__(self, url: str, folder: Path, columns: dict[str, str], partition: str | None = None) -> None:
        self.url = url
        catalog = folder / "tables.yml"
        entry = {"partition": partition, "columns": columns}
        catalog.write_text(yaml.safe_dump({"schema": "s", "tables": {"t": entry}}, sort_keys=False))
        chosen = {"source": "external", "source_url": url, "data_dir": folder, "catalog": catalog}
        self.settings = Settings(_env_file=None, **chosen)
        definitions = ", ".join(f"{name} {declared}" for name, declared in columns.items())
        self.execute(f"create schema s; create table s.t ({definitions})")

    def execute(self, statement: str) -> None:
        with connect(self.url) as connection:
            connection.execute(statement)  # type: ignore[call-overload]

    def arrived(self) -> list[Any]:
        """The first column as DuckDB prints it, after a sync."""
        steps.sync_day(self.settings, DAY)
        with duckdb.connect(self.settings.warehouse.removeprefix("duckdb://"), read_only=True) as connection:
            return [row[0] for row in connection.execute("select columns(*)::varchar from staging.t").fetchall()]

    def rejected(self) -> list[Any]:
        """The rejected rows, as they are."""
        with duckdb.connect(self.settings.warehouse.removeprefix("duckdb://"), read_only=True) as connection:
            return connection.execute("from staging.rejected_t").fetchall()


@pytest.mark.parametrize(
    ("declared", "value"),
    [
        ("date", "0001-01-01"),
        ("date", "9999-12-31"),
        ("timestamp", "0001-01-01 00:00:00"),
        ("timestamp", "9999-12-31 23:59:59.999999"),
        ("time", "23:59:59.999999"),
        ("numeric", "NaN"),
        ("numeric", "-Infinity"),
    ],
)
def test_an_extreme_value_arrives_exactly(shop_url: str, tmp_path: Path, declared: str, value: str) -> None:
    source = Source(shop_url, tmp_path, {"a": declared})
    source.execute(f"insert into s.t values ('{value}')")

    assert source.arrived() == [value]
    assert equality.audit(source.settings).equal


# What no warehouse is trusted with, the reason, and the value as the row shows it.
REJECTED = [
    ("numeric(12,2)", "NaN", "a is NaN", '"NaN"'),
    *((kind, "infinity", "a is infinite", '"infinity"') for kind in ("date", "timestamp", "timestamptz")),
    *((kind, "-infinity", "a is infinite", '"-infinity"') for kind in ("date", "timestamp", "timestamptz")),
    ("date", "4713-01-01 BC", "a lies outside of the years 1 to 9999", '"4713-01-01 BC"'),
    ("date", "5874897-12-31", "a lies outside of the years 1 to 9999", '"5874897-12-31"'),
    ("timestamp", "0001-12-31 23:59:59.999999 BC", "a lies outside of the years 1 to 9999", None),
    ("timestamp", "294276-12-31", "a lies outside of the years 1 to 9999", '"294276-12-31T00:00:00"'),
    ("timestamptz", "10000-01-01 00:00:00+00", "a lies outside of the years 1 to 9999", '"10000-01-01T00:00:00+00:00"'),
    ("time", "24:00:00", "a is 24:00:00", '"24:00:00"'),
]


@pytest.mark.parametrize(("declared", "value", "reason", "shown"), REJECTED)
def test_a_value_no_warehouse_is_trusted_with_is_rejected(
    shop_url: str, tmp_path: Path, declared: str, value: str, reason: str, shown: str | None
) -> None:
    source = Source(shop_url, tmp_path, {"a": declared})
    source.execute(f"insert into s.t values ('{value}'), (null)")

    assert source.arrived() == [None]
    ((_, why, row),) = source.rejected()
    assert why == reason
    assert shown is None or row == f'{{"a":{shown}}}'
    assert equality.audit(source.settings).equal


NO_DAYS = [("infinity", "infinite"), ("-infinity", "infinite"), ("0001-01-01 BC", "outside"), (None, "null: no day")]


@pytest.mark.parametrize(("day", "reason"), NO_DAYS)
@pytest.mark.parametrize("declared", ["date", "timestamp", "timestamptz"])
def test_a_row_without_a_day_is_not_passed_over(
    shop_url: str, tmp_path: Path, declared: str, day: str | None, reason: str
) -> None:
    """Also where it comes after the history was published: no run would ever look at its day."""
    source = Source(shop_url, tmp_path, {"a": declared}, partition="a")
    source.execute("insert into s.t values ('2025-01-01')")
    assert len(source.arrived()) == 1
    source.execute(f"insert into s.t values ('{day}')" if day else "insert into s.t values (null)")

    assert len(source.arrived()) == 1
    ((lies_on, _, why, _),) = source.rejected()
    assert lies_on == date.min
    assert reason in why
    assert equality.audit(source.settings).equal
    source.execute("update s.t set a = '2025-01-09' where a is null or a <> '2025-01-01'")
    assert len(source.arrived()) == 2
    assert source.rejected() == []


def test_the_largest_row_arrives_and_a_larger_one_is_rejected(shop_url: str, tmp_path: Path) -> None:
    """Whatever its bytes are made of; and what is arrives within DuckDB's memory, quotes doubled."""
    source = Source(shop_url, tmp_path, {"a": "text", "b": "bytea", "c": "jsonb", "d": "text[]", "e": "varchar(9)"})
    source.execute(f"""
        insert into s.t (a, e) values (repeat('"', {MAX_ROW_BYTES}), 'is short');
        insert into s.t (a) values (repeat('a', {MAX_ROW_BYTES} + 1));
        insert into s.t (a, b) values (repeat('b', {MAX_ROW_BYTES} - 1), '\\x0102');
        insert into s.t (c) values (to_jsonb(repeat('c', {MAX_ROW_BYTES})));
        insert into s.t (d) values (array[repeat('d', {MAX_ROW_BYTES})]);
    """)

    assert [len(found or "") for found in source.arrived()] == [MAX_ROW_BYTES]
    sizes = sorted(int(reason.split()[3]) - MAX_ROW_BYTES for _, reason, row in source.rejected() if row is None)
    assert sizes == [1, 1, 2, 2]
    assert equality.audit(source.settings).equal


def test_a_far_past_partitions_like_any_other_day(shop_url: str, tmp_path: Path) -> None:
    source = Source(shop_url, tmp_path, {"a": "timestamptz not null"}, partition="a")
    source.execute("insert into s.t values ('0001-01-01Z'), ('1582-10-10 23:59:59.999999Z'), ('1969-12-31 23:59Z')")

    assert sorted(source.arrived()) == ["0001-01-01 00:00:00", "1582-10-10 23:59:59.999999", "1969-12-31 23:59:00"]
    assert equality.audit(source.settings).equal


def test_nulls_arrive_where_the_source_no_longer_forbids_them(shop_url: str, tmp_path: Path) -> None:
    source = Source(shop_url, tmp_path, {"a": "int not null"})
    source.execute("insert into s.t values (1)")
    assert source.arrived() == ["1"]
    source.execute("alter table s.t alter a drop not null; insert into s.t values (null)")

    assert source.arrived() == ["1", None]


def test_lines_that_look_like_other_lines_survive_a_file_of_many_buffers(shop_url: str, tmp_path: Path) -> None:
    """DuckDB reads a large CSV in pieces, side by side, and must not take the inside of a text for a line."""
    source = Source(shop_url, tmp_path, {"a": "text", "id": "int"})
    source.execute(r"""
        insert into s.t select case i % 4
            when 0 then repeat(E'\n"a",1\n', i % 50)
            when 1 then E'",1\n\\N,' || i || E'\r\n"'
            when 2 then E'"\n"' else null end, i
        from generate_series(1, 300000) i;
        insert into s.t values (repeat(E'"\n\\N,1', 500000), 0);
    """)

    steps.sync_day(source.settings, DAY)

    assert equality.audit(source.settings).equal
    assert sum(path.stat().st_size for path in (tmp_path / "lake").rglob("*.csv")) > 2 * 8_000_000
