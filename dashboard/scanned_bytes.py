"""The bytes that BigQuery would scan for a query, told from DuckDB's plan of it and from the sizes of columns and days.

BigQuery counts, of every table, the columns that a query uses, in the partitions that its conditions on the partition
column leave. DuckDB's plan names both: a scan's columns, and the conditions that reached it. Sizes are the documented
ones: https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types#data_type_sizes.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import duckdb

# BigQuery bills a query for each table in it as if it had read this much at least, and whole megabytes.
LEAST_BILLED = 10 * 1024 * 1024
_MEGABYTE = 1024 * 1024

PARTITION_COLUMN = "day"
_OF_DAYS = re.compile(rf"{PARTITION_COLUMN} (?:(?:[<>]=?|=) '\d{{4}}-\d\d-\d\d'::DATE|IS NULL)")

# What would make another plan than BigQuery's: conditions left out that every row of this file fulfils, a table read
# twice for the sake of its first rows.
_NOT_LIKE_BIGQUERY = "statistics_propagation, late_materialization"


@dataclass(frozen=True, slots=True)
class Scan:
    """The columns that a query uses of a table, and its conditions on the day; `true` where there are none."""

    table: str
    columns: tuple[str, ...]
    days: str

    @property
    def is_bounded(self) -> bool:
        return self.days != "true"


def scans(connection: duckdb.DuckDBPyConnection, query: str, values: Any = None) -> list[Scan]:
    """The scans of a query's plan. `values` are those of its parameters."""
    connection.execute(f"set disabled_optimizers = '{_NOT_LIKE_BIGQUERY}'")
    try:
        (_, answer), *_ = connection.execute(f"explain (format json) {query}", values).fetchall()
    finally:
        connection.execute("reset disabled_optimizers")
    nodes = [node for plan in json.loads(answer) for node in _nodes(plan)]
    return [_scan(connection, node["extra_info"]) for node in nodes if "Table" in node.get("extra_info", {})]


def scanned(connection: duckdb.DuckDBPyConnection, scan: Scan) -> int:
    """The bytes of these columns in these days."""
    types = _types(connection, scan.table)
    sizes = " + ".join(f"coalesce(sum({_size(name, types[name])}), 0)" for name in scan.columns) or "0"
    found = connection.execute(f"select {sizes} from {_quoted(scan.table)} where {scan.days}").fetchone()
    return int(found[0]) if found else 0


def billed(size: int) -> int:
    """What a query bills that scans so much of a table."""
    return max(LEAST_BILLED, -(-size // _MEGABYTE) * _MEGABYTE)


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("children", []):
        yield from _nodes(child)


def _scan(connection: duckdb.DuckDBPyConnection, said: dict[str, Any]) -> Scan:
    table = str(said["Table"]).rpartition(".")[2].strip('"')
    conditions = _listed(said.get("Filters"))
    used = {name.strip('"') for name in _listed(said.get("Projections"))}
    used |= {name for condition in conditions for name in _names(condition)}
    days = [condition for condition in conditions if _is_of_days(condition)]
    known = _types(connection, table)
    return Scan(table, tuple(name for name in known if name in used), " and ".join(days) or "true")


def _listed(value: Any) -> list[str]:
    """The plan has a text where there is one, and a list where there are several."""
    return [value] if isinstance(value, str) and value else list(value or [])


def _is_of_days(condition: str) -> bool:
    """Whether it does nothing but compare the partition column itself with literals: what BigQuery prunes by."""
    return not re.sub(r"[()\s]|AND|OR", "", _OF_DAYS.sub("", condition))


def _names(condition: str) -> list[str]:
    """The lower-case words of a condition that are no literal: columns. Types and operators are in capitals."""
    return re.findall(r"\b[a-z_][a-z0-9_]*\b(?!\()", re.sub(r"'(?:[^']|'')*'", "", condition))


def _types(connection: duckdb.DuckDBPyConnection, table: str) -> dict[str, str]:
    rows = connection.execute(
        "select column_name, data_type from duckdb_columns() where table_name = ? order by column_index", [table]
    ).fetchall()
    return dict(rows)


def _size(column: str, kind: str) -> str:
    """A value's bytes; null where it is null, which has none."""
    name = _quoted(column)
    if kind == "VARCHAR":
        return f"2 + strlen({name})"
    fixed = 1 if kind == "BOOLEAN" else 16 if kind.startswith("DECIMAL") else 8
    return f"case when {name} is not null then {fixed} end"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
