"""The ledger as rows of a BigQuery table: how entries are read, and what a load job writes."""

from collections.abc import Iterable
from datetime import UTC
from typing import Any

from google.cloud import bigquery

from pipeline.fingerprint import Fingerprint, Partition
from pipeline.ledger import Ledger, LedgerEntry, partition_day, partition_text
from pipeline.warehouse.bigquery_publish_sql import LEDGER_FIELDS, LedgerStamp
from pipeline.warehouse.bigquery_tables import LABELS


def ledger_table(reference: bigquery.TableReference, description: str) -> bigquery.Table:
    """A table for ledger entries."""
    made = bigquery.Table(reference, [bigquery.SchemaField(name, kind, "REQUIRED") for name, kind in LEDGER_FIELDS])
    made.description, made.labels = description, LABELS
    return made


def read_entries(rows: Iterable[bigquery.Row]) -> Ledger:
    """The entries that a table holds."""
    return Ledger(map(_entry, rows))


def entry_rows(entries: Iterable[LedgerEntry]) -> list[dict[str, Any]]:
    """Entries as the rows of a load job."""
    return [
        {
            "table_name": entry.partition.table,
            "partition": partition_text(entry.partition.day),
            "rows": entry.fingerprint.rows,
            "checksum": str(entry.fingerprint.checksum),
            "schema_id": entry.schema_id,
            "sequence": entry.sequence,
            "run_day": entry.run_day.isoformat(),
            "published_at": entry.published_at.astimezone(UTC).isoformat(),
        }
        for entry in entries
    ]


def stamp(ledger: Ledger) -> LedgerStamp:
    """What tells this ledger from the same one after another publication."""
    return LedgerStamp(len(ledger), sum(entry.sequence for entry in ledger.values()))


def _entry(row: bigquery.Row) -> LedgerEntry:
    return LedgerEntry(
        Partition(row["table_name"], partition_day(row["partition"])),
        Fingerprint(row["rows"], int(row["checksum"])),
        row["schema_id"],
        row["sequence"],
        row["run_day"],
        row["published_at"].astimezone(UTC),
    )
