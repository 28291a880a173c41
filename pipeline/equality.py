"""The full audit: everything published against everything in the source, as both are at this moment; and its repair."""

import logging
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import date

from pipeline.audit import compare
from pipeline.catalog import Catalog, Table, load_catalog
from pipeline.drift import fit_catalog
from pipeline.errors import DataError
from pipeline.fingerprint import Fingerprint, Partition
from pipeline.ledger import Ledger
from pipeline.plan import Scope, Span, Window
from pipeline.progress import Counter, Progress, silent
from pipeline.rejected import rejected_table
from pipeline.reports import AuditReport, HealReport, TableAudit
from pipeline.settings import Settings
from pipeline.snapshot import open_snapshot
from pipeline.source_fingerprints import source_fingerprints
from pipeline.steps import source, sync_day
from pipeline.warehouse import open_warehouse
from pipeline.warehouse.base import Warehouse

logger = logging.getLogger(__name__)


def audit(settings: Settings, progress: Progress = silent) -> AuditReport:
    """Fingerprint all published partitions on both sides, over live rows, and compare them. Changes nothing.

    Days after the last published one are not due yet and are left out.
    """
    started = time.monotonic()
    catalog, warehouse = load_catalog(settings.catalog_path), open_warehouse(settings)
    ledger = warehouse.ledger()
    with source(settings) as url, open_snapshot(url, catalog, workers=settings.workers) as snapshot:
        fitted = fit_catalog(snapshot.leader, catalog)
        for warning in fitted.warnings(ledger):
            logger.warning("%s", warning)
        catalog = fitted.catalog
        windows = {table.name: Window((Span(None, ledger.last_day(table)),)) for table in catalog}
        ours = source_fingerprints(snapshot, catalog, windows, settings.workers, progress)
    counter = Counter(progress, "compare with the warehouse", len(catalog.tables))
    tables: list[TableAudit] = []
    for table in catalog:
        tables += _audit_both(table, ours, warehouse, ledger)
        counter.advance()
    return AuditReport(_until(catalog, ledger), tuple(tables), time.monotonic() - started)


def heal(settings: Settings, progress: Progress = silent, *, accept_vanishing: bool = False) -> HealReport:
    """Audit, publish again every partition that differs, the ordinary way, and audit again.

    Rows that were changed in the warehouse itself are published again, too, where the ledger says that all is equal.
    A heal that was killed is begun again by the next one.

    Raises:
        DataError: nothing is published, or somebody put rows of later days into the warehouse.
        VanishingRowsError: many published rows are gone from the source, and nobody accepts it.
    """
    before = audit(settings, progress)
    altered = frozenset(partition for table in before.tables for partition in table.altered)
    differing = frozenset(difference.partition for table in before.tables for difference in table.differences)
    if before.equal and not altered:
        return HealReport(before, None, before)
    day = _last_run(open_warehouse(settings).ledger())
    _require_due(altered, day)
    scope = Scope(also=differing | altered, anew=altered, accept_vanishing=accept_vanishing)
    synced = sync_day(settings, day, progress, scope)
    return HealReport(before, synced, audit(settings, progress))


def _last_run(ledger: Ledger) -> date:
    """The last day that a run has published."""
    if not ledger:
        raise DataError("nothing is published yet", "Publish a day first: `tillroll sync`.")
    return max(entry.partition.day or entry.run_day for entry in ledger.values())


def _require_due(altered: Iterable[Partition], day: date) -> None:
    """No run for `day` could publish a later one: it would count as done, with all the days between."""
    if later := sorted({p.table for p in altered if p.day and p.day > day}):
        names = ", ".join(f"staging.{table}" for table in later)
        raise DataError(
            f"{names} in the warehouse holds rows of days after {day}, which were never published",
            f"Drop it (`drop table {names}`); the next `tillroll sync` brings the whole table, with all its history.",
        )


def _audit_both(
    table: Table, ours: Mapping[Partition, Fingerprint], warehouse: Warehouse, ledger: Ledger
) -> Iterator[TableAudit]:
    """A table, and its rejected rows where there are any, or were."""
    is_published = ledger.knows(table)
    for each in (table, rejected_table(table)):
        theirs = warehouse.fingerprints(each) if ledger.knows(each) else {}
        audited = _audit_table(each, ours, theirs, ledger, is_published=is_published)
        if each is table or audited.partitions or audited.altered:
            yield audited


def _audit_table(
    table: Table,
    source_side: Mapping[Partition, Fingerprint],
    theirs: Mapping[Partition, Fingerprint],
    ledger: Ledger,
    *,
    is_published: bool,
) -> TableAudit:
    ours = {p: fingerprint for p, fingerprint in source_side.items() if p.table == table.name}
    recorded = {p: entry.fingerprint for p, entry in ledger.items() if p.table == table.name and ledger.knows(table)}
    return TableAudit(
        table=table.name,
        partitions=len(ours.keys() | theirs.keys()),
        source_rows=sum(fingerprint.rows for fingerprint in ours.values()),
        warehouse_rows=sum(fingerprint.rows for fingerprint in theirs.values()),
        differences=tuple(compare(ours, theirs)) if is_published else (),
        altered=tuple(difference.partition for difference in compare(recorded, theirs)),
        published=is_published,
    )


def _until(catalog: Catalog, ledger: Ledger) -> date | None:
    return max((ledger.last_day(table) for table in catalog if table.is_daily and ledger.knows(table)), default=None)
