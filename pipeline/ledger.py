"""The ledger: the fingerprints of what is published. It lives in the warehouse and is written with the data."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from pipeline.catalog import Table
from pipeline.fingerprint import Fingerprint, Partition

_WHOLE = "whole"


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One published partition.

    `schema_id` is the table's when it was published, `run_day` the day of the run that published it. `sequence` orders
    snapshots of the source: it is that of the last one that found these rows, and an older never replaces a newer.
    """

    partition: Partition
    fingerprint: Fingerprint
    schema_id: str
    sequence: int
    run_day: date
    published_at: datetime


class Ledger(Mapping[Partition, LedgerEntry]):
    """All published partitions."""

    def __init__(self, entries: Iterable[LedgerEntry] = ()) -> None:
        self._entries = {entry.partition: entry for entry in entries}
        self._schemas = {(entry.partition.table, entry.schema_id) for entry in self._entries.values()}

    def __getitem__(self, partition: Partition) -> LedgerEntry:
        return self._entries[partition]

    def __iter__(self) -> Iterator[Partition]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def knows(self, table: Table) -> bool:
        """Whether this table, with the columns it has now, was ever published."""
        return (table.name, table.schema_id) in self._schemas

    def current(self, partition: Partition, schema_id: str) -> LedgerEntry | None:
        """The partition as it is published with these columns; None where it is not."""
        entry = self._entries.get(partition)
        return entry if entry and entry.schema_id == schema_id else None

    def last_day(self, table: Table) -> date:
        """The newest published day of the table or of its companion; `date.min` where there is none."""
        return max((p.day for p in self if p.table in {table.name, table.companion} and p.day), default=date.min)

    @property
    def tables(self) -> frozenset[str]:
        """The names of all tables that were ever published."""
        return frozenset(partition.table for partition in self._entries)

    def without(self, tables: Collection[str]) -> "Ledger":
        """The ledger as if these tables had never been published."""
        return Ledger(entry for partition, entry in self._entries.items() if partition.table not in tables)

    def unpublished(self, gone: Collection[str]) -> list[str]:
        """What counts as never published where these tables are gone: they, after the tables they are companions of.

        Only the history of its table brings a companion's, and no entry would ask for it. A companion is known by its
        name; where a table of the source is called like one, more is brought than need be.
        """
        names = {name.rstrip("_") for name in gone}
        mains = {table for table in self.tables if f"rejected_{table}".rstrip("_") in names}
        return [*sorted(mains - set(gone)), *sorted(gone)]

    @property
    def last_sequence(self) -> int:
        """The newest published snapshot's sequence; 0 when nothing is published."""
        return max((entry.sequence for entry in self._entries.values()), default=0)


def partition_text(day: date | None) -> str:
    """What stands for a table's partition in a stored ledger: its day, or `whole`."""
    return day.isoformat() if day else _WHOLE


def partition_day(text: str) -> date | None:
    """The day that such a text stands for; None for a whole table."""
    return None if text == _WHOLE else date.fromisoformat(text)
