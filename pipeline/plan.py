"""The plan: the partitions whose source fingerprint differs from the published one. Pure; no I/O.

A run for day D looks at D and the `lookback` days before it in every daily table (further back where no run was for
longer), and at every whole table. A table never published, or published with other columns, is taken with its history.
Of the older days each run sweeps a few, from the one that was compared longest ago, so that a change there is found in
time. The ledger knows which: an entry's sequence is that of the last snapshot that found its rows.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from pipeline.catalog import Table
from pipeline.fingerprint import EMPTY, Fingerprint, Partition
from pipeline.ledger import Ledger
from pipeline.rejected import NO_DAY

Reason = Literal["new", "changed", "emptied", "altered"]


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
class Scope:
    """What a run looks at besides its window, and what it may do.

    `also` are partitions compared besides; `anew` those extracted though the ledger says that they are equal, because
    their rows in the warehouse are not the published ones any more. `sweep` is how many older days of each daily table
    are compared; None: as the settings say. `accept_vanishing`: the source is right, however many rows are gone there.
    """

    also: frozenset[Partition] = frozenset()
    anew: frozenset[Partition] = frozenset()
    sweep: int | None = None
    accept_vanishing: bool = False


@dataclass(frozen=True, slots=True)
class Planned:
    """A partition to extract, with the fingerprint its rows have in the source."""

    partition: Partition
    fingerprint: Fingerprint
    reason: Reason


def window(
    table: Table, day: date, lookback: int, ledger: Ledger, sweep: int = 0, also: Iterable[Partition] = ()
) -> Window:
    """The days of `table` that the run for `day` compares: its own, `sweep` older ones, and those of `also`."""
    compared = _compared(table, ledger)
    published = list(compared)
    if not ledger.knows(table):
        return Window((Span(None, max([day, *published])),))
    # After a pause longer than the lookback, the days in between were never looked at.
    resumed = max((d for d in published if d < day), default=day) + timedelta(days=1)
    own = Span(min(day - timedelta(days=lookback), resumed), day)
    asked = [Span(p.day, p.day) for p in also if p.table in {table.name, table.companion} and p.day]
    return Window(tuple(_joined([own, *_swept(compared, own, sweep), *asked])))


def _compared(table: Table, ledger: Ledger) -> dict[date, int]:
    """The days of which a table's rows are published, or its rejected ones: the last snapshot's sequence for each."""
    last: dict[date, int] = {}
    for (name, day), entry in ledger.items():
        if day and (name == table.name or (name == table.companion and day != NO_DAY)):
            last[day] = max(entry.sequence, last.get(day, 0))
    return last


def _swept(compared: Mapping[date, int], own: Span, count: int) -> Iterator[Span]:
    """As many published days before a run's own, in a row from the one that was compared longest ago.

    With the days without rows before and between them, where a row may have come since. In a row, because the source
    then reads one stretch of its table: days picked singly would soon lie all over it.
    """
    days = sorted(day for day in compared if own.first is not None and day < own.first)
    if not days or not count:
        return
    start = days.index(min(days, key=lambda day: (compared[day], day)))
    before = days[start - 1] + timedelta(days=1) if start else None
    yield Span(before, days[start : start + count][-1])


def _joined(spans: Iterable[Span]) -> Iterator[Span]:
    """The same days in as few spans as can be, in order."""
    first, last = None, None
    for span in sorted(spans, key=lambda span: (span.first or date.min, span.last)):
        start = span.first or date.min
        if last is not None and start <= last + timedelta(days=1):
            last = max(last, span.last)
            continue
        if last is not None:
            yield Span(first, last)
        first, last = span.first, span.last
    if last is not None:
        yield Span(first, last)


def expected_partitions(
    table: Table,
    source: Mapping[Partition, Fingerprint],
    day: date,
    compared: Window,
    ledger: Ledger,
    also: Iterable[Partition] = (),
) -> dict[Partition, Fingerprint]:
    """Every partition of `table` that the run for `day` compares, in order of day, and what must be published of it.

    Those of `also` are among them even where nobody has published them: only the warehouse has rows of such a day.
    `source` holds the fingerprints of the compared window; a partition without rows is absent there. A companion is
    compared where its table is, and has no partitions but those that hold, or held, rows.
    """
    expected = {partition: found for partition, found in source.items() if partition.table == table.name}
    if table.rejects is None:
        # A whole table and the run's own day are published even without rows.
        expected.setdefault(Partition(table.name, day if table.is_daily else None), EMPTY)
    # What is published and has lost all its rows is compared too.
    for partition in _published(table, compared, [*ledger, *also]):
        expected.setdefault(partition, EMPTY)
    return dict(sorted(expected.items(), key=lambda item: item[0].day or date.min))


def _published(table: Table, compared: Window, known: Iterable[Partition]) -> Iterator[Partition]:
    for partition in known:
        if partition.table != table.name:
            continue
        if table.rejects and not (table.is_daily and partition.day):
            # One partition; or what was rejected while the table was whole, which goes with the first of its days.
            yield Partition(table.name, NO_DAY if table.is_daily else None)
        elif table.is_daily and partition.day and (partition.day in compared or _is_always_compared(table, partition)):
            yield partition


def _is_always_compared(table: Table, partition: Partition) -> bool:
    return table.rejects is not None and partition.day == NO_DAY


def plan_table(
    table: Table, expected: Mapping[Partition, Fingerprint], ledger: Ledger, anew: Collection[Partition] = ()
) -> list[Planned]:
    """Those of the expected partitions that differ from what is published, or are to be extracted all the same."""
    planned = (_compare(table, *item, ledger, anew) for item in expected.items())
    return [p for p in planned if p]


def _compare(
    table: Table, partition: Partition, source: Fingerprint, ledger: Ledger, anew: Collection[Partition]
) -> Planned | None:
    published = ledger.current(partition, table.schema_id)
    if published is None:
        return Planned(partition, source, "new")
    if published.fingerprint == source:
        return Planned(partition, source, "altered") if partition in anew else None
    return Planned(partition, source, "changed" if source.rows else "emptied")
