"""One shop moved by the same steps to two places, a laptop's file and the emulated cloud, and what each then holds."""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import duckdb
from emulated_cloud import EmulatedCloud

from pipeline.reports import TransformReport
from pipeline.settings import Settings
from pipeline.steps import sync_day
from pipeline.transform import transform_core, transform_datamart

# When a run happened, and what follows from it: the only columns that may differ. Whether a version has ended may not.
WHEN = {"published_at", "sequence", "dbt_scd_id", "dbt_updated_at", "dbt_valid_from"}
ENDED = "dbt_valid_to"

Columns = tuple[str, ...]


@dataclass(frozen=True)
class Rows:
    """A table's columns, in order, and its rows, in none. Values are exact: no float stands for a decimal."""

    columns: Columns
    found: Counter[tuple[Any, ...]]

    @classmethod
    def of(cls, columns: Columns, rows: list[tuple[Any, ...]]) -> "Rows":
        kept = [(place, name) for place, name in enumerate(columns) if name not in WHEN]
        found = (tuple(exact(row[at] is not None if name == ENDED else row[at]) for at, name in kept) for row in rows)
        return cls(tuple(name for _, name in kept), Counter(found))

    def differences(self, other: "Rows") -> list[Any]:
        """What only one of two tables has: columns or rows."""
        if self.columns != other.columns:
            return [self.columns, other.columns]
        return [*(self.found - other.found), *(other.found - self.found)]


def exact(value: Any) -> tuple[str, Any]:
    """A value with what it is, so that True is not 1 and a float is no decimal; instants are in UTC in both places."""
    match value:
        case bool() | float() | str() | bytes() | None:
            return type(value).__name__, value
        case int() | Decimal():
            return "number", Decimal(value)
        case datetime():
            return "instant", value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        case date():
            return "day", value
    raise TypeError(f"no rule for {value!r}")


@dataclass(frozen=True)
class Laptop:
    """A DuckDB file, and the copy that people read."""

    settings: Settings

    def tables(self, dataset: str) -> dict[str, Rows]:
        file, schema = self.settings.data / "warehouse" / "warehouse.duckdb", dataset
        if dataset == "datamart":
            file, schema = file.with_name("datamart.duckdb"), "main"
        with duckdb.connect(str(file), read_only=True) as connection:
            names = connection.execute(
                "select table_name from information_schema.tables where table_schema = ?", [schema]
            )
            return {name: self._rows(connection, f'{schema}."{name}"') for (name,) in names.fetchall()}

    def _rows(self, connection: duckdb.DuckDBPyConnection, relation: str) -> Rows:
        cursor = connection.execute(f"from {relation}")
        return Rows.of(tuple(column[0] for column in cursor.description or ()), cursor.fetchall())


@dataclass(frozen=True)
class Cloud:
    """A project of the emulated cloud."""

    settings: Settings
    emulated: EmulatedCloud

    def tables(self, dataset: str) -> dict[str, Rows]:
        client = self.emulated.bigquery()
        return {table.table_id: self._rows(f"{dataset}.{table.table_id}") for table in client.list_tables(dataset)}

    def _rows(self, relation: str) -> Rows:
        found = self.emulated.bigquery().query(f"select * from `{relation}`").result()
        return Rows.of(tuple(field.name for field in found.schema), [tuple(row.values()) for row in found])


def move(settings: Settings, day: date) -> TransformReport:
    """A day through all steps but the shop's own: what core was built from."""
    sync_day(settings, day)
    report = transform_core(settings, day)
    transform_datamart(settings, day)
    return report
