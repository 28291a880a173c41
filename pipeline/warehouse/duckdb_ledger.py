"""The ledger as rows of a DuckDB table: how entries are read and written."""

from collections.abc import Iterable
from datetime import UTC, date, datetime

import duckdb

from pipeline.fingerprint import Fingerprint, Partition
from pipeline.ledger import Ledger, LedgerEntry, partition_day, partition_text


def read_ledger(connection: duckdb.DuckDBPyConnection, relation: str) -> Ledger:
    """All entries of `relation`; none where there is no such table."""
    if not exists(connection, *relation.split(".")):
        return Ledger()
    return Ledger(map(_entry, connection.execute(f"from {relation}").fetchall()))


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
