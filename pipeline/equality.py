"""The full audit: everything published against everything in the source, as both are at this moment."""

import time
from collections.abc import Mapping
from datetime import date

from pipeline.audit import compare
from pipeline.catalog import Catalog, Table, load_catalog
from pipeline.drift import fit_catalog
from pipeline.fingerprint import Fingerprint, Partition
from pipeline.ledger import Ledger
from pipeline.plan import Span, Window
from pipeline.progress import Counter, Progress, silent
from pipeline.reports import AuditReport, TableAudit
from pipeline.settings import Settings
from pipeline.snapshot import open_snapshot
from pipeline.source_fingerprints import source_fingerprints
from pipeline.steps import source
from pipeline.warehouse import open_warehouse


def audit(settings: Settings, progress: Progress = silent) -> AuditReport:
    """Fingerprint all published partitions on both sides, over live rows, and compare them. Changes nothing.

    Days after the last published one are not due yet and are left out.
    """
    started = time.monotonic()
    catalog, warehouse = load_catalog(settings.catalog_path), open_warehouse(settings)
    ledger = warehouse.ledger()
    with source(settings) as url, open_snapshot(url, catalog, workers=settings.workers) as snapshot:
        catalog = fit_catalog(snapshot.leader, catalog).catalog
        windows = {table.name: Window((Span(None, _last_day(table, ledger)),)) for table in catalog}
        ours = source_fingerprints(snapshot, catalog, windows, settings.workers, progress)
    counter = Counter(progress, "compare with the warehouse", len(catalog.tables))
    tables = []
    for table in catalog:
        theirs = warehouse.fingerprints(table) if ledger.knows(table) else {}
        tables.append(_audit_table(table, ours, theirs, ledger))
        counter.advance()
    return AuditReport(_until(catalog, ledger), tuple(tables), time.monotonic() - started)


def _audit_table(
    table: Table, source_side: Mapping[Partition, Fingerprint], theirs: Mapping[Partition, Fingerprint], ledger: Ledger
) -> TableAudit:
    ours = {p: fingerprint for p, fingerprint in source_side.items() if p.table == table.name}
    recorded = {p: entry.fingerprint for p, entry in ledger.items() if p.table == table.name and ledger.knows(table)}
    return TableAudit(
        table=table.name,
        partitions=len(ours.keys() | theirs.keys()),
        source_rows=sum(fingerprint.rows for fingerprint in ours.values()),
        warehouse_rows=sum(fingerprint.rows for fingerprint in theirs.values()),
        differences=tuple(compare(ours, theirs)) if ledger.knows(table) else (),
        altered=tuple(difference.partition for difference in compare(recorded, theirs)),
        published=ledger.knows(table),
    )


def _last_day(table: Table, ledger: Ledger) -> date:
    return max((p.day for p in ledger if p.table == table.name and p.day), default=date.min)


def _until(catalog: Catalog, ledger: Ledger) -> date | None:
    return max((_last_day(table, ledger) for table in catalog if table.is_daily and ledger.knows(table)), default=None)
