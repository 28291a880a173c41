"""The ledger: the fingerprints of what is published. It lives in the warehouse, written in the data's own transaction."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from pipeline.fingerprint import Fingerprint, Partition


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One published partition.

    `schema_id` is the table's when it was published; `sequence` orders snapshots of the source, so that an older one
    never replaces a newer; `run_day` is the day of the run that published it.
    """

    partition: Partition
    fingerprint: Fingerprint
    schema_id: str
    sequence: int
    run_day: date
    published_at: datetime


class Ledger(Mapping[Partition, LedgerEntry]):
    """All published partitions, by partition."""

    def __init__(self, entries: Iterable[LedgerEntry] = ()) -> None:
        self._entries = {entry.partition: entry for entry in entries}
        self._tables = {partition.table for partition in self._entries}

    def __getitem__(self, partition: Partition) -> LedgerEntry:
        return self._entries[partition]

    def __iter__(self):  # type: ignore[no-untyped-def]
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def has_table(self, table: str, schema_id: str) -> bool:
        """Whether this table, with these columns, was ever published."""
        return any(e.partition.table == table and e.schema_id == schema_id for e in self._entries.values())

    @property
    def last_sequence(self) -> int:
        return max((entry.sequence for entry in self._entries.values()), default=0)
