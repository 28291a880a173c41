"""The ends of each type: a value either arrives exactly, or one error names its place and nothing is published."""

from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from pipeline import equality, steps
from pipeline.errors import DataError, SchemaDriftError
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
            return [value for (value,) in connection.execute("select columns(*)::varchar from staging.t").fetchall()]

    def nothing_is_published(self) -> bool:
        path = Path(self.settings.warehouse.removeprefix("duckdb://"))
        if not path.exists():
            return True
        with duckdb.connect(path, read_only=True) as connection:
            return connection.execute("select * from duckdb_tables()").fetchall() == []


@pytest.mark.parametrize(
    ("declared", "value"),
    [
        ("date", "infinity"),
        ("date", "-infinity"),
        ("date", "0001-01-01"),
        ("date", "10000-01-01"),
        ("date", "5874897-12-31"),
        ("timestamp", "infinity"),
        ("timestamp", "-infinity"),
        ("timestamp", "0001-01-01 00:00:00"),
        ("timestamp", "294246-12-31 23:59:59.999999"),
        ("timestamptz", "infinity"),
        ("timestamptz", "-infinity"),
        ("time", "24:00:00"),
        ("numeric", "NaN"),
        ("numeric", "-Infinity"),
    ],
)
def test_an_extreme_value_arrives_exactly(shop_url: str, tmp_path: Path, declared: str, value: str) -> None:
    source = Source(shop_url, tmp_path, {"a": declared})
    source.execute(f"insert into s.t values ('{value}')")

    assert source.arrived() == [value]
    assert equality.audit(source.settings).equal


@pytest.mark.parametrize(
    ("declared", "value", "place"),
    [
        ("numeric(12,2)", "NaN", 'converting column "a"'),
        ("timestamp", "294276-12-31", 'converting column "a"'),
        ("timestamptz", "0044-03-15 12:00:00+00 BC", 'converting column "a"'),
        # DuckDB reads these as years after Christ; only the audit sees it.
        ("timestamp", "0044-03-15 BC", r"t \(whole\): source 1 rows"),
        ("date", "0044-03-15 BC", r"t \(whole\): source 1 rows"),
        ("date", "4713-01-01 BC", r"t \(whole\): source 1 rows"),
    ],
)
def test_a_value_no_warehouse_holds_stops_the_publish(
    shop_url: str, tmp_path: Path, declared: str, value: str, place: str
) -> None:
    source = Source(shop_url, tmp_path, {"a": declared})
    source.execute(f"insert into s.t values ('{value}')")

    with pytest.raises(DataError, match=place) as stopped:
        source.arrived()

    assert "t " in stopped.value.message
    assert "Nothing was published" in stopped.value.remedy
    assert source.nothing_is_published()


@pytest.mark.parametrize("day", ["infinity", "-infinity", "0001-01-01 BC"])
@pytest.mark.parametrize("declared", ["date", "timestamp", "timestamptz"])
def test_a_row_whose_day_is_none_is_not_passed_over(shop_url: str, tmp_path: Path, declared: str, day: str) -> None:
    source = Source(shop_url, tmp_path, {"a": f"{declared} not null"}, partition="a")
    source.execute(f"insert into s.t values ('2025-01-01'), ('{day}')")

    with pytest.raises(DataError, match=r"t\.a holds a day that is none"):
        source.arrived()

    assert source.nothing_is_published()


@pytest.mark.parametrize("day", ["infinity", "-infinity"])
def test_an_endless_day_is_found_after_the_history_was_published(shop_url: str, tmp_path: Path, day: str) -> None:
    source = Source(shop_url, tmp_path, {"a": "timestamptz not null"}, partition="a")
    source.execute("insert into s.t values ('2025-01-01')")
    source.arrived()
    source.execute(f"insert into s.t values ('{day}')")

    with pytest.raises(DataError, match=r"t\.a holds a day that is none"):
        source.arrived()
    with pytest.raises(DataError, match=r"t\.a holds a day that is none"):
        equality.audit(source.settings)


def test_a_far_past_partitions_like_any_other_day(shop_url: str, tmp_path: Path) -> None:
    source = Source(shop_url, tmp_path, {"a": "timestamptz not null"}, partition="a")
    source.execute("insert into s.t values ('0001-01-01Z'), ('1582-10-10 23:59:59.999999Z'), ('1969-12-31 23:59Z')")

    assert sorted(source.arrived()) == ["0001-01-01 00:00:00", "1582-10-10 23:59:59.999999", "1969-12-31 23:59:00"]
    assert equality.audit(source.settings).equal


def test_a_partition_column_that_may_be_null_is_refused(shop_url: str, tmp_path: Path) -> None:
    source = Source(shop_url, tmp_path, {"a": "timestamptz not null"}, partition="a")
    source.execute("alter table s.t alter a drop not null; insert into s.t values (null)")

    with pytest.raises(SchemaDriftError, match=r"t\.a may be null"):
        source.arrived()


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
