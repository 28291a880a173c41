"""Planning: what a run compares, what the source holds of it in one snapshot, and what of it is to be extracted."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from pipeline.catalog import Catalog
from pipeline.fingerprint import Fingerprint, Partition
from pipeline.ledger import Ledger
from pipeline.plan import Planned, Window, expected_partitions, plan_table, window
from pipeline.progress import Progress
from pipeline.settings import Settings
from pipeline.snapshot import Snapshot
from pipeline.source_fingerprints import source_fingerprints

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Plan:
    """`found`: every compared partition as the source has it; `planned`: those to extract.

    `histories` are the tables that were compared from their beginning.
    """

    found: Mapping[Partition, Fingerprint]
    planned: tuple[Planned, ...]
    histories: frozenset[str]


def make_plan(
    snapshot: Snapshot, catalog: Catalog, ledger: Ledger, day: date, settings: Settings, progress: Progress
) -> Plan:
    """Compare the source with what is published, for the run for `day`."""
    windows = {table.name: window(table, day, settings.lookback, ledger) for table in catalog}
    fingerprints = source_fingerprints(snapshot, catalog, windows, settings.workers, progress)
    found, planned = _differing(catalog, fingerprints, day, windows, ledger)
    logger.info("%s: %s of %s partitions differ", day, len(planned), len(found))
    return Plan(found, tuple(planned), frozenset(table.name for table in catalog if not ledger.knows(table)))


def _differing(
    catalog: Catalog,
    fingerprints: Mapping[Partition, Fingerprint],
    day: date,
    windows: Mapping[str, Window],
    ledger: Ledger,
) -> tuple[dict[Partition, Fingerprint], list[Planned]]:
    """Every compared partition as the source has it, and those of them that differ from what is published."""
    found: dict[Partition, Fingerprint] = {}
    planned: list[Planned] = []
    for table in catalog:
        expected = expected_partitions(table, fingerprints, day, windows[table.name], ledger)
        found |= expected
        planned += plan_table(table, expected, ledger)
    return found, planned
