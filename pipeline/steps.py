"""The steps of a day: plain functions of settings and a day. Airflow, the command line and the tests call these.

Every step may be killed at any point and run again; a step that finds its work done says so and changes nothing.
"""

import logging
import time
from collections import Counter as Tally
from collections.abc import Iterator, Set
from contextlib import contextmanager
from datetime import UTC, date, datetime
from importlib.metadata import entry_points
from typing import Any

import psycopg

from pipeline.audit import compare, require_equal
from pipeline.catalog import load_catalog
from pipeline.drift import fit_catalog
from pipeline.embedded.postgres import EmbeddedPostgres
from pipeline.embedded.urls import shop_url, source_url
from pipeline.errors import ConfigurationError, TransientError
from pipeline.evidence import of_refused
from pipeline.extract import Extraction, extract
from pipeline.failpoints import failpoint
from pipeline.fingerprint import Partition
from pipeline.lake import open_lake
from pipeline.ledger import LedgerEntry
from pipeline.load import work_of_day
from pipeline.manifest import LakeObject
from pipeline.plan import Scope
from pipeline.planning import make_plan
from pipeline.progress import Counter, Progress, silent
from pipeline.refusal import mark_refused, refused_with
from pipeline.rejected import everything, rejected_rows
from pipeline.reports import ExtractReport, PublishReport, SyncReport
from pipeline.sequence import next_sequence
from pipeline.settings import Settings
from pipeline.snapshot import open_snapshot
from pipeline.transform_changes import outdated
from pipeline.warehouse import open_warehouse, require_names
from pipeline.warehouse.base import Warehouse

logger = logging.getLogger(__name__)

# The scope of a run that nobody asked for anything special.
_DAILY = Scope()


def ingest_day(settings: Settings, day: date) -> Any:
    """Let the practice shop live through `day`.

    Returns:
        The ingester's report (`ingestion.main_ingestion.IngestReport`).

    Raises:
        ConfigurationError: the source is a real shop, no ingester is installed, or the ingester refuses.
        TransientError: the source broke off.
    """
    shop_url(settings)
    ingesters = list(entry_points(group="tillroll.ingester"))
    if not ingesters:
        raise ConfigurationError("no ingester is installed", "Install Tillroll with its `ingestion` package.")
    ingest = ingesters[0].load()
    logger.info("%s: the shop lives through the day", day)
    with source(settings) as url:
        try:
            return ingest(url, day)
        except psycopg.OperationalError as error:
            raise TransientError(
                f"the source broke off: {error}", "Run the step again: nothing was written."
            ) from error
        except Exception as error:
            # An ingester has errors of its own, which carry a remedy as ours do.
            if hasattr(error, "remedy"):
                raise ConfigurationError(getattr(error, "message", str(error)), error.remedy) from error
            raise


def extract_day(settings: Settings, day: date, progress: Progress = silent, scope: Scope = _DAILY) -> ExtractReport:
    """Plan `day` and write the planned partitions to the lake.

    Raises:
        VanishingRowsError: many published rows are gone from the source, and `scope` does not accept it.
    """
    started = time.monotonic()
    warehouse = open_warehouse(settings)
    catalog = load_catalog(settings.catalog_path)
    with source(settings) as url, open_snapshot(url, catalog, workers=settings.workers, exclusive=True) as snapshot:
        fitted = fit_catalog(snapshot.leader, catalog)
        require_names(settings, fitted.catalog)
        ledger = warehouse.ledger()
        warnings = fitted.warnings(ledger)
        for warning in warnings:
            logger.warning("%s", warning)
        plan = make_plan(snapshot, fitted.catalog, ledger, day, settings, progress, scope)
        lake = open_lake(settings)
        counter = Counter(progress, "extract", len(plan.planned))
        run = Extraction(
            snapshot=snapshot,
            lake=lake,
            catalog=everything(fitted.catalog),
            day=day,
            sequence=next_sequence(lake, ledger, snapshot.taken_at),
            found=plan.found,
            histories=plan.histories,
            evolved=fitted.evolved,
            anew=plan.anew,
            shard_bytes=settings.shard_bytes,
            workers=settings.workers,
            quiet=warehouse.lock,
        )
        objects = extract(run, plan.planned, lambda _: counter.advance()).written
    logger.info("%s: %s objects written to the lake", day, len(objects))
    return ExtractReport(
        day=day,
        compared=len(plan.found),
        planned=dict(Tally(planned.reason for planned in plan.planned)),
        written=len(objects),
        rows=sum(o.rows for o in objects),
        bytes=sum(part.bytes for o in objects for part in o.parts),
        warnings=warnings,
        seconds=time.monotonic() - started,
    )


def publish_day(settings: Settings, day: date, progress: Progress = silent) -> PublishReport:
    """Load what the lake holds for `day`, prove it equal to its source, and publish it: all of it or nothing.

    Raises:
        AuditError: loaded rows differ from the source's. DataError: the lake is not what its manifests say.
    """
    started = time.monotonic()
    catalog, lake = load_catalog(settings.catalog_path), open_lake(settings)
    warehouse = open_warehouse(settings)
    with warehouse.publication() as publication:
        ledger = publication.ledger()
        work = work_of_day(lake, catalog, ledger, day)
        loaded = Counter(progress, "load and audit", len(work.load))
        differences = []
        for table, objects in work.load.items():
            with refused_with(lake, objects), failpoint("publish.load"):
                publication.load(table, objects, lake)
        for table, objects in work.load.items():
            expected = {o.partition: o.fingerprint for o in objects}
            with refused_with(lake, objects), failpoint("publish.audit"):
                differences += compare(expected, publication.fingerprints(table))
            loaded.advance()
        published = [o for objects in work.load.values() for o in objects]
        differing = {difference.partition for difference in differences}
        mark_refused(lake, (o for o in published if o.partition in differing))
        require_equal(differences, of_refused(differences, work.load))
        if work.altered:
            _outdate_core(warehouse, work.altered)
        rejected = rejected_rows(catalog, ledger, published)
        publication.publish([*(_entry(o, day, datetime.now(UTC)) for o in published), *work.confirmed])
    logger.info("%s: %s partitions proven equal and published", day, len(published))
    for name, rows in rejected.items():
        logger.warning("staging.%s keeps %s rows that no warehouse can be trusted to hold exactly", name, rows)
    return PublishReport(
        day=day,
        partitions={table.name: len(objects) for table, objects in work.load.items()},
        rows=sum(o.rows for o in published),
        rejected=rejected,
        seconds=time.monotonic() - started,
    )


def sync_day(settings: Settings, day: date, progress: Progress = silent, scope: Scope = _DAILY) -> SyncReport:
    """Bring the warehouse's staging dataset up to `day`: plan, extract, load, audit, publish."""
    return SyncReport(extract_day(settings, day, progress, scope), publish_day(settings, day, progress))


@contextmanager
def source(settings: Settings) -> Iterator[str]:
    """The source's URL; the embedded server, where that is the source, runs at least as long as the context."""
    if settings.source_url is not None:
        yield source_url(settings)
        return
    with EmbeddedPostgres(settings).running():
        yield source_url(settings)


def _outdate_core(warehouse: Warehouse, altered: Set[Partition]) -> None:
    """Let core be built again of partitions whose rows change and whose fingerprints do not."""
    built = warehouse.transformed()
    if altered & built.keys():
        warehouse.record_transformed(outdated(built, altered))


def _entry(found: LakeObject, day: date, now: datetime) -> LedgerEntry:
    return LedgerEntry(found.partition, found.fingerprint, found.schema_id, found.sequence, day, now)
