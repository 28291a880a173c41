"""What is published, at a glance: read from the ledger alone, so it costs next to nothing."""

from dataclasses import dataclass
from datetime import date, datetime

from pipeline.catalog import load_catalog
from pipeline.ledger import LedgerEntry
from pipeline.rejected import with_rejected
from pipeline.settings import Settings
from pipeline.warehouse import open_warehouse


@dataclass(frozen=True, slots=True)
class TableStatus:
    """One table's published partitions. The last three are None where nothing is published."""

    table: str
    partitions: int
    rows: int
    first_day: date | None
    last_day: date | None
    published_at: datetime | None


def published(settings: Settings) -> list[TableStatus]:
    """The catalog's tables, in its order, each before its rejected rows where it has some."""
    ledger = open_warehouse(settings).ledger()
    tables = with_rejected(load_catalog(settings.catalog_path))
    found = [_status(t.name, [entry for entry in ledger.values() if entry.partition.table == t.name]) for t in tables]
    return [status for table, status in zip(tables, found, strict=True) if table.rejects is None or status.rows]


def _status(table: str, entries: list[LedgerEntry]) -> TableStatus:
    days = [entry.partition.day for entry in entries if entry.partition.day]
    return TableStatus(
        table=table,
        partitions=len(entries),
        rows=sum(entry.fingerprint.rows for entry in entries),
        first_day=min(days, default=None),
        last_day=max(days, default=None),
        published_at=max((entry.published_at for entry in entries), default=None),
    )
