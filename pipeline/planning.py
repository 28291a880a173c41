"""Planning: what a run compares, what the source holds of it in one snapshot, and what of it is to be extracted."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from pipeline.catalog import Catalog
from pipeline.fingerprint import Fingerprint, Partition
from pipeline.ledger import Ledger
from pipeline.plan import Planned, Scope, expected_partitions, plan_table, window
from pipeline.progress import Progress
from pipeline.rejected import with_rejected
from pipeline.settings import Settings
from pipeline.snapshot import Snapshot
from pipeline.source_fingerprints import source_fingerprints
from pipeline.vanishing import log_accepted, require_rows

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Plan:
    """`found`: every compared partition as the source has it; `planned`: those to extract.

    `histories` are the tables that were compared from their beginning. `anew` are partitions that are to be loaded even
    where the ledger says that they are equal.
    """

    found: Mapping[Partition, Fingerprint]
    planned: tuple[Planned, ...]
    histories: frozenset[str]
    anew: frozenset[Partition]


def make_plan(
    snapshot: Snapshot,
    catalog: Catalog,
    ledger: Ledger,
    day: date,
    settings: Settings,
    progress: Progress,
    scope: Scope = Scope(),  # noqa: B008  # frozen
) -> Plan:
    """Compare the source with what is published, for the run for `day`.

    Raises:
        VanishingRowsError: so many published rows are gone from the source that a person must say whether it is right.
    """
    sweep = settings.sweep if scope.sweep is None else scope.sweep
    windows = {table.name: window(table, day, settings.lookback, ledger, sweep, scope.also) for table in catalog}
    fingerprints = source_fingerprints(snapshot, catalog, windows, settings.workers, progress)
    found: dict[Partition, Fingerprint] = {}
    planned: list[Planned] = []
    for table in with_rejected(catalog):
        compared = windows[(table.rejects or table).name]
        expected = expected_partitions(table, fingerprints, day, compared, ledger, scope.also)
        found |= expected
        planned += plan_table(table, expected, ledger, scope.anew)
    if scope.accept_vanishing:
        log_accepted(catalog, found, ledger)
    else:
        require_rows(snapshot, catalog, found, ledger, day, settings.vanishing_share)
    logger.info("%s: %s of %s partitions differ", day, len(planned), len(found))
    histories = frozenset(table.name for table in catalog if not ledger.knows(table))
    return Plan(found, tuple(planned), histories, scope.anew)
