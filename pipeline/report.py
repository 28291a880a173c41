"""The report of a run: rows in every layer, and whether each equals the one it came from.

Nothing is taken on trust: source and staging are fingerprinted again, the lake's manifests are added up, and the dbt
project's own table of equalities (`layer_equality`, where the project has one) is read as it stands. A shop that sells
on while the report is made is no fault: what changed since is said, and is the next run's matter.
"""

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Literal

from pipeline.catalog import Catalog, load_catalog
from pipeline.equality import audit
from pipeline.extract import read_manifest
from pipeline.lake import open_lake
from pipeline.lake.base import Lake
from pipeline.manifest import SOURCE, LakeObject
from pipeline.progress import Progress, silent
from pipeline.rejected import with_rejected
from pipeline.reports import TableAudit
from pipeline.settings import Settings
from pipeline.warehouse import open_warehouse
from pipeline.warehouse.base import Equality

# Manifests read at once: a bucket is far away, and a long history has many.
_READERS = 8

Verdict = Literal["equal", "changed since", "not published", "DIFFERS"]


@dataclass(frozen=True, slots=True)
class TableLine:
    """One source table's rows in source, lake and staging. `lake_rows` counts the newest object of each partition.

    `changed since`: staging holds what was published, and the source has moved on. `DIFFERS`: staging holds other rows
    than were published. Rows missing in the lake are no fault: published days may be pruned there.
    """

    table: str
    source_rows: int
    lake_rows: int
    staging_rows: int
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Report:
    """`models` are the rows of what dbt built; `equalities` what it proves about them."""

    day: date
    tables: tuple[TableLine, ...]
    models: Mapping[str, int]
    equalities: tuple[Equality, ...]
    seconds: float

    @property
    def sound(self) -> bool:
        """Whether every layer holds what the one before it held when it was published."""
        published = all(line.verdict in {"equal", "changed since"} for line in self.tables)
        return published and all(equality.holds for equality in self.equalities)

    @property
    def equal(self) -> bool:
        """Whether every layer equals the source as it is now."""
        return self.sound and all(line.verdict == "equal" for line in self.tables)


def make_report(settings: Settings, day: date, progress: Progress = silent) -> Report:
    """Look at every layer as it is now."""
    started = time.monotonic()
    catalog, warehouse = load_catalog(settings.catalog_path), open_warehouse(settings)
    audited = audit(settings, progress)
    in_lake = _lake_rows(open_lake(settings), catalog, audited.until)
    tables = tuple(
        TableLine(t.table, t.source_rows, in_lake[t.table], t.warehouse_rows, _verdict(t)) for t in audited.tables
    )
    names = {f"staging.{table.name}" for table in with_rejected(catalog)}
    models = {name: rows for name, rows in warehouse.row_counts().items() if name not in names}
    return Report(day, tables, models, tuple(warehouse.equalities()), time.monotonic() - started)


def _verdict(audited: TableAudit) -> Verdict:
    if not audited.published:
        return "not published"
    if audited.altered:
        return "DIFFERS"
    return "changed since" if audited.differences else "equal"


def _lake_rows(lake: Lake, catalog: Catalog, until: date | None) -> dict[str, int]:
    newest: dict[object, LakeObject] = {}
    days = [date.fromisoformat(name) for name in lake.folders(SOURCE)]
    with ThreadPoolExecutor(_READERS, "manifests") as pool:
        manifests = list(pool.map(partial(read_manifest, lake), days))
    for manifest in manifests:
        for found in manifest.objects.values() if manifest else ():
            known = newest.get(found.partition)
            if known is None or known.sequence < found.sequence:
                newest[found.partition] = found
    rows = {table.name: 0 for table in with_rejected(catalog)}
    for found in newest.values():
        if found.table in rows and (found.day is None or until is None or found.day <= until):
            rows[found.table] += found.rows
    return rows


def exact(value: Decimal) -> str:
    """A measure for people: 1,234 rows or 1,234.50 of money, never rounded."""
    return f"{value:,.2f}" if value % 1 else f"{int(value):,}"
