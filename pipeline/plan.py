"""The plan: the partitions whose source fingerprint differs from the published one. Pure; no I/O.

A run for day D looks at D and the `lookback` days before it in every daily table (further back where no run was for
longer), and at every whole table. A table never published, or published with other columns, is taken with its history.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from pipeline.catalog import Table
from pipeline.fingerprint import EMPTY, Fingerprint, Partition
from pipeline.ledger import Ledger

Reason = Literal["new", "changed", "emptied"]


@dataclass(frozen=True, slots=True)
class Span:
    """Days without a gap, both ends inclusive; `first` None: from the beginning."""

    first: date | None
    last: date

    def __contains__(self, day: date) -> bool:
        return (self.first is None or self.first <= day) and day <= self.last


@dataclass(frozen=True, slots=True)
class Window:
    """The days of a daily table that a run compares."""

    spans: tuple[Span, ...]

    def __contains__(self, day: date) -> bool:
        return any(day in span for span in self.spans)


@dataclass(frozen=True, slots=True)
class Planned:
    """A partition to extract, with the fingerprint its rows have in the source."""

    partition: Partition
    fingerprint: Fingerprint
    reason: Reason


def window(table: Table, day: date, lookback: int, ledger: Ledger) -> Window:
    """The days of `table` that the run for `day` compares."""
    published = [p.day for p in ledger if p.table == table.name and p.day]
    if not ledger.knows(table):
        return Window((Span(None, max([day, *published])),))
    # After a pause longer than the lookback, the days in between were never looked at.
    resumed = max((d for d in published if d < day), default=day) + timedelta(days=1)
    return Window((Span(min(day - timedelta(days=lookback), resumed), day),))


def expected_partitions(
    table: Table, source: Mapping[Partition, Fingerprint], day: date, compared: Window, ledger: Ledger
) -> dict[Partition, Fingerprint]:
    """Every partition of `table` that the run for `day` compares, in order of day, and what must be published of it.

    `source` holds the fingerprints of the compared window; a daily table's partition without rows is absent there.
    """
    expected = {partition: found for partition, found in source.items() if partition.table == table.name}
    if table.is_daily:
        # The run's own day is published even without rows, and a published day that lost all its rows is compared too.
        expected.setdefault(Partition(table.name, day), EMPTY)
        for partition in ledger:
            if partition.table == table.name and partition.day and partition.day in compared:
                expected.setdefault(partition, EMPTY)
    return dict(sorted(expected.items(), key=lambda item: item[0].day or date.min))


def plan_table(table: Table, expected: Mapping[Partition, Fingerprint], ledger: Ledger) -> list[Planned]:
    """Those of the expected partitions that differ from what is published."""
    planned = (_compare(table, partition, fingerprint, ledger) for partition, fingerprint in expected.items())
    return [p for p in planned if p]


def _compare(table: Table, partition: Partition, source: Fingerprint, ledger: Ledger) -> Planned | None:
    published = ledger.current(partition, table.schema_id)
    if published is None:
        return Planned(partition, source, "new")
    if published.fingerprint == source:
        return None
    return Planned(partition, source, "changed" if source.rows else "emptied")
