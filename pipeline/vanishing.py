"""The guard against publishing an emptied source, or another one.

A source that lost its rows (truncated, restored from an old backup) looks like one whose rows were deleted on purpose,
and another database, by mistake, like one in which every row was changed. Beyond a share of the rows, and where nothing
at all is as it was, a person has to say which it is, before anything is written. What was accepted is logged.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from psycopg.sql import SQL

from pipeline.audit import listed
from pipeline.catalog import Catalog, Table
from pipeline.errors import VanishingRowsError
from pipeline.fingerprint import Fingerprint, Partition
from pipeline.ledger import Ledger, LedgerEntry
from pipeline.snapshot import Snapshot
from pipeline.source_sql import relation

logger = logging.getLogger(__name__)

# So few rows may go from any table, but for its last ones.
FLOOR = 10

# So many partitions tell another database from one in which much has changed.
FAMILIAR = 10


@dataclass(frozen=True, slots=True)
class Loss:
    """Rows of a table over the partitions that a run compares.

    `published` is how many were published of them, `missing` how many fewer the source has of the same partitions, and
    `arrived` how many it has in partitions that are published for the first time and where missing rows may have gone:
    whole tables, and days up to the one after the newest published. `worst` are the partitions that lost rows, most
    first.
    """

    table: Table
    published: int
    missing: int
    arrived: int
    worst: tuple[Partition, ...]

    def is_large(self, share: float) -> bool:
        """Whether more is gone than the share and the floor allow. Rows that moved to a new day are not gone."""
        return self.missing > max(FLOOR, share * self.published) and self.missing - self.arrived > FLOOR

    @property
    def is_total(self) -> bool:
        """Whether nothing is left of the compared partitions."""
        return 0 < self.published == self.missing and not self.arrived

    def __str__(self) -> str:
        of = f"{self.missing:,} of {self.published:,} published rows of {self.table.name}"
        return f"{of} ({listed(partition.label for partition in self.worst)})"


def loss(table: Table, found: Mapping[Partition, Fingerprint], ledger: Ledger) -> Loss:
    """What the source has lost of a table's compared partitions, whatever columns they were published with.

    A row that is rejected by now, or not any more, is not lost. After a pause, most rows of the days since are new:
    they make up for nothing.
    """
    next_day = ledger.last_day(table) + timedelta(days=1)
    compared = [partition for partition in found if partition.table in {table.name, table.companion}]
    gone = {p: ledger[p].fingerprint.rows - found[p].rows for p in compared if p in ledger}
    return Loss(
        table=table,
        published=sum(ledger[p].fingerprint.rows for p in gone),
        missing=sum(gone.values()),
        arrived=sum(found[p].rows for p in compared if p not in ledger and (p.day or next_day) <= next_day),
        worst=tuple(sorted((p for p in gone if gone[p] > 0), key=lambda p: (-gone[p], p.day or date.min))),
    )


def unfamiliar(catalog: Catalog, found: Mapping[Partition, Fingerprint], ledger: Ledger) -> str:
    """What of the compared partitions that are published with rows is not in the source, none of it; else nothing.

    A run compares old days and tables that seldom change: some of them are as they were, however much was changed. A
    small whole table may be the same in every database of a kind, so days are asked about by themselves, too.
    """
    schemas = {table.name: table.schema_id for table in catalog}
    entries = (ledger.current(p, schemas[p.table]) for p in found if p.table in schemas)
    published = [entry for entry in entries if entry and entry.fingerprint.rows]
    daily = [entry for entry in published if entry.partition.day]
    if _is_strange(published, found):
        return f"{len(published)} published partitions"
    return f"{len(daily)} published days of daily tables" if _is_strange(daily, found) else ""


def _is_strange(published: Sequence[LedgerEntry], found: Mapping[Partition, Fingerprint]) -> bool:
    return len(published) >= FAMILIAR and all(entry.fingerprint != found[entry.partition] for entry in published)


def require_rows(
    snapshot: Snapshot,
    catalog: Catalog,
    found: Mapping[Partition, Fingerprint],
    ledger: Ledger,
    day: date,
    share: float,
) -> None:
    """Ask before published rows vanish: more than `share` of those compared, a table's last ones, or all at once.

    Raises:
        VanishingRowsError: they would; names the tables, how many rows, and the partitions.
    """
    losses = (loss(table, found, ledger) for table in catalog)
    large = [lost for lost in losses if lost.is_large(share) or (lost.is_total and _is_empty(snapshot, lost.table))]
    if large:
        raise VanishingRowsError(_question(large), _answers(day))
    if strange := unfamiliar(catalog, found, ledger):
        what = f"not one of the {strange} that this run compares is as it was"
        raise VanishingRowsError(f"is this the database that was published? {what}", _answers(day))


def log_accepted(catalog: Catalog, found: Mapping[Partition, Fingerprint], ledger: Ledger) -> None:
    """Leave a trace of what goes because somebody said that it may."""
    for lost in (loss(table, found, ledger) for table in catalog):
        if lost.missing > 0:
            logger.warning("accepted as gone from the source: %s", lost)
    if strange := unfamiliar(catalog, found, ledger):
        logger.warning("accepted as the database that was published, though not one of the %s is as it was", strange)


def _is_empty(snapshot: Snapshot, table: Table) -> bool:
    """Whether the source holds no row of the table at all, on whatever day."""
    with snapshot.connect() as connection:
        row = connection.execute(SQL("select exists (select from {})").format(relation(table))).fetchone()
    return row == (False,)


def _question(losses: Iterable[Loss]) -> str:
    return f"are these rows meant to be gone from the source? {'; '.join(map(str, losses))}"


def _answers(day: date) -> str:
    return (
        f"If so, say it: `tillroll sync --day {day} --accept-vanishing`, or `tillroll audit --heal --accept-vanishing` "
        "where that asked; then clear the failed task in Airflow, which finds the work done. If not, repair the source "
        "or TILLROLL_SOURCE_URL and run the day again. Nothing was written or published."
    )
