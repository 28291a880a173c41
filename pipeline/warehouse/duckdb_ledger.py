"""The ledger as rows of a DuckDB table: how entries are read and written."""

from collections.abc import Iterable
from datetime import UTC, date, datetime

import duckdb

from pipeline.catalog import Table
from pipeline.errors import DataError
from pipeline.fingerprint import Fingerprint, Partition
from pipeline.ledger import Ledger, LedgerEntry, partition_day, partition_text
from pipeline.warehouse.duckdb_sql import column_type, quote


def read_ledger(connection: duckdb.DuckDBPyConnection, relation: str) -> Ledger:
    """All entries of `relation`; none where there is no such table."""
    if not exists(connection, *relation.split(".")):
        return Ledger()
    return Ledger(map(_entry, connection.execute(f"from {relation}").fetchall()))


def read_published(connection: duckdb.DuckDBPyConnection, relation: str) -> Ledger:
    """The entries of tables that are there, as their companions are. What somebody dropped, a run brings anew."""
    schema, entries = relation.split(".")[0], read_ledger(connection, relation)
    gone = {table for table in entries.tables if not exists(connection, schema, table)}
    return entries.without(entries.unpublished(gone))


def require_columns(connection: duckdb.DuckDBPyConnection, schema: str, table: Table) -> None:
    """See that a published table has the columns it was published with.

    Raises:
        DataError: somebody has changed them.
    """
    found = connection.execute(
        "select column_name, data_type from information_schema.columns where table_schema = ? and table_name = ? "
        "order by ordinal_position",
        [schema, table.name],
    ).fetchall()
    if found != [(column.name, column_type(column).upper()) for column in table.columns]:
        name = f"{schema}.{quote(table.name)}"
        raise DataError(
            f"{name} in the warehouse has not the columns any more that it was published with",
            f"Drop it (`drop table {name}`); the next `tillroll sync` brings the whole table, with all its history.",
        )


def insert_entries(connection: duckdb.DuckDBPyConnection, relation: str, entries: Iterable[LedgerEntry]) -> None:
    """Append entries to `relation`."""
    rows = [
        [
            entry.partition.table,
            partition_text(entry.partition.day),
            entry.fingerprint.rows,
            entry.fingerprint.checksum,
            entry.schema_id,
            entry.sequence,
            entry.run_day,
            entry.published_at.astimezone(UTC).replace(tzinfo=None),
        ]
        for entry in entries
    ]
    if rows:
        connection.executemany(f"insert into {relation} values (?, ?, ?, ?, ?, ?, ?, ?)", rows)


def exists(connection: duckdb.DuckDBPyConnection, schema: str, name: str) -> bool:
    """Whether there is such a table or view."""
    found = connection.execute(
        "select 1 from information_schema.tables where table_schema = ? and table_name = ?", [schema, name]
    )
    return found.fetchone() is not None


def _entry(row: tuple[str, str, int, int, str, int, date, datetime]) -> LedgerEntry:
    table, partition, rows, checksum, schema_id, sequence, run_day, published_at = row
    published = published_at.replace(tzinfo=UTC)
    return LedgerEntry(
        Partition(table, partition_day(partition)), Fingerprint(rows, checksum), schema_id, sequence, run_day, published
    )
