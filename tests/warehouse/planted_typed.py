"""Faults of typed rows: what a warehouse holds after a load, changed as raw CSV fields say."""

from collections.abc import Iterable

import csv_cells
import duckdb
from csv_cells import NULL, Row
from planted_rows import Rows

from pipeline.catalog import Column, Table
from pipeline.column_types import Rule
from pipeline.warehouse.duckdb import DuckDBPublication
from pipeline.warehouse.duckdb_sql import column_type, quote, text


class DuckDBRows:
    """A table's loaded rows in DuckDB."""

    def __init__(self, publication: DuckDBPublication, table: Table) -> None:
        self._connection, self._table = publication._connection, table
        self._audit = f"temp.{quote('audit_' + table.name)}"

    def change(self, before: Rows, after: Rows) -> None:
        """Take out the rows that are not there any more, and put in those that are new."""
        gone, come = difference(before, after)
        key = csv_key(self._table)
        for row in gone:
            where = f"{quote(self._table.key[0])} = {row[key].decode()}"
            self._connection.execute(f"delete from {self._audit} where {where}")
        for row in come:
            cells = ", ".join(_literal(c, raw) for c, raw in zip(self._table.columns, row, strict=True))
            self._connection.execute(f"insert into {self._audit} values ({cells})")


def can_hold(table: Table, rows: Iterable[Row]) -> bool:
    """Whether rows are values of the warehouse's types."""
    with duckdb.connect() as connection:
        try:
            for row in rows:
                cells = ", ".join(_literal(c, raw) for c, raw in zip(table.columns, row, strict=True))
                connection.execute(f"select {cells}")
        except duckdb.Error:
            return False
    return True


def difference(before: Rows, after: Rows) -> tuple[list[Row], list[Row]]:
    """Rows that are only in the one and only in the other, as often as they are."""
    gone = [row for found in before.values() for row in found]
    come: list[Row] = []
    for row in (row for found in after.values() for row in found):
        gone.remove(row) if row in gone else come.append(row)
    return gone, come


def csv_key(table: Table) -> int:
    """The place of the key among the columns. These shops' keys are one column."""
    return next(number for number, column in enumerate(table.columns) if column.name in table.key)


def _literal(column: Column, raw: bytes) -> str:
    if raw == NULL:
        return "null"
    match column.type.rule:
        case Rule.TEXT:
            return text(csv_cells.text(raw))
        case Rule.BYTES:
            return f"from_base64({text(csv_cells.text(raw))})"
        case Rule.TIMESTAMP:
            return f"cast({text(raw.decode())} as timestamptz)::timestamp"
        case _:
            return f"cast({text(raw.decode())} as {column_type(column)})"
