"""What a day's run costs in BigQuery: bytes loaded, and bytes scanned by layer, beside those of building all anew.

BigQuery bills by the bytes that statements scan. A dry run of a statement says how many, and costs nothing. What is
published cannot be published again, so the rows of the day's partitions stand in for those of its audit tables.
"""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from pipeline.catalog import Catalog, Table, load_catalog
from pipeline.drift import with_evolved
from pipeline.errors import ConfigurationError, DataError
from pipeline.extract import read_manifest
from pipeline.fingerprint import EMPTY
from pipeline.lake import open_lake
from pipeline.lake.base import Lake
from pipeline.ledger import Ledger
from pipeline.progress import Counter, Progress, silent
from pipeline.settings import Settings
from pipeline.transform_dbt import Build, compile_dbt
from pipeline.warehouse import open_warehouse
from pipeline.warehouse.base import CORE, DATAMART, STAGING
from pipeline.warehouse.bigquery import BigQueryWarehouse
from pipeline.warehouse.bigquery_publish_sql import Replacement, change_statements
from pipeline.warehouse.bigquery_sql import in_days, quote, selected_columns

# Partitions of one table: days of a daily one, nothing of a whole one.
Days = tuple[date, ...]


@dataclass(frozen=True, slots=True)
class LayerCost:
    """Bytes that a layer's statements scan: for the day's run, and to build the layer from nothing."""

    layer: str
    statements: int
    day_bytes: int
    full_bytes: int


@dataclass(frozen=True, slots=True)
class CostReport:
    """`loaded_bytes` are those of the day's CSV files: load jobs are free. `days` are those that the run published."""

    day: date
    days: tuple[date, ...]
    loaded_bytes: int
    layers: tuple[LayerCost, ...]
    seconds: float

    @property
    def day_bytes(self) -> int:
        return sum(layer.day_bytes for layer in self.layers)

    @property
    def full_bytes(self) -> int:
        return sum(layer.full_bytes for layer in self.layers)


def make_cost(settings: Settings, day: date, progress: Progress = silent) -> CostReport:
    """Estimate what the run for `day` cost, by what it published.

    Raises:
        ConfigurationError: the warehouse is not BigQuery. DataError: no run for this day published anything.
    """
    started = time.monotonic()
    catalog, warehouse = load_catalog(settings.catalog_path), open_warehouse(settings)
    if not isinstance(warehouse, BigQueryWarehouse):
        raise ConfigurationError(
            "only BigQuery bills by bytes; this warehouse is a file", "Set TILLROLL_WAREHOUSE_URL to bigquery://…."
        )
    lake, ledger = open_lake(settings), warehouse.ledger()
    catalog = _as_published(catalog, ledger, lake, day)
    published = published_by(catalog, ledger, day)
    if not published:
        raise DataError(f"nothing is published by a run for {day}", _other_days(ledger))
    everything = {t: _days_of(t, ledger) for t in catalog if any(p.table == t.name for p in ledger)}
    days = tuple(sorted({d for of_table in published.values() for d in of_table}))
    layers = [_staging(_Estimates(warehouse, progress), published, everything)]
    if project := settings.dbt_folder:
        for layer in (CORE, DATAMART):
            compiled = [_compiled(settings, Build(project, layer, chosen), progress) for chosen in (days, None)]
            layers.append(_Estimates(warehouse, progress).layer(layer, *compiled))
    loaded = _loaded_bytes(lake, published, day)
    return CostReport(day, days, loaded, tuple(layers), time.monotonic() - started)


def _as_published(catalog: Catalog, ledger: Ledger, lake: Lake, day: date) -> Catalog:
    """The catalog with the columns that the run for `day` published."""
    manifest = read_manifest(lake, day)
    found = with_evolved(catalog, manifest.run.evolved if manifest and manifest.run else {})
    for table in found:
        if any(p.table == table.name for p in ledger) and not ledger.knows(table):
            raise DataError(f"{table.name} is published with other columns than for {day}", _other_days(ledger))
    return found


def published_by(catalog: Catalog, ledger: Ledger, day: date) -> dict[Table, Days]:
    """The partitions that are published as the run for `day` left them."""
    tables = {table.name: table for table in catalog}
    found: dict[Table, list[date]] = {}
    for partition, entry in ledger.items():
        if entry.run_day == day and partition.table in tables:
            found.setdefault(tables[partition.table], []).extend([partition.day] if partition.day else [])
    return {table: tuple(sorted(days)) for table, days in found.items()}


def staging_statements(warehouse: BigQueryWarehouse, published: Mapping[Table, Days]) -> Iterator[str]:
    """The statements that audit and publish these partitions, reading the published rows in place of loaded ones."""
    for table, days in published.items():
        relation = warehouse.path(STAGING, table.name)
        where = in_days(table, days) if table.is_daily else "true"
        # The audit reads every column of every row that was loaded, and the transaction again of those in place.
        yield from [f"select {selected_columns(table)} from {quote(relation)} as t where {where}"] * 2
        yield from change_statements(Replacement(table, relation, relation, EMPTY, days))


@dataclass(frozen=True, slots=True)
class _Estimates:
    """Dry runs, and how far they are."""

    warehouse: BigQueryWarehouse
    progress: Progress

    def layer(self, layer: str, of_day: Sequence[str], of_all: Sequence[str]) -> LayerCost:
        """What these statements scan."""
        return LayerCost(layer, len(of_day), self._sum(of_day, layer), self._sum(of_all, f"all of {layer}"))

    def _sum(self, statements: Sequence[str], what: str) -> int:
        counter = Counter(self.progress, f"dry runs of {what}", len(statements))
        total = 0
        for statement in statements:
            total += self.warehouse.estimate(statement)
            counter.advance()
        return total


def _staging(estimates: _Estimates, published: Mapping[Table, Days], everything: Mapping[Table, Days]) -> LayerCost:
    of_day, of_all = (list(staging_statements(estimates.warehouse, which)) for which in (published, everything))
    return estimates.layer(STAGING, of_day, of_all)


def _compiled(settings: Settings, build: Build, progress: Progress) -> list[str]:
    """The queries of a layer's models, snapshots and tests."""
    return [compiled.sql for compiled in compile_dbt(settings, build, progress) if compiled.sql]


def _loaded_bytes(lake: Lake, published: Mapping[Table, Days], day: date) -> int:
    """The bytes of the objects that were loaded, as their manifests name them."""
    folders = {d for days in published.values() for d in days} | {day}
    manifests = (read_manifest(lake, folder) for folder in sorted(folders))
    objects = (o for manifest in manifests if manifest for o in manifest.objects.values() if o.run_day == day)
    return sum(part.bytes for found in objects for part in found.parts)


def _days_of(table: Table, ledger: Ledger) -> Days:
    return tuple(sorted(p.day for p in ledger if p.table == table.name and p.day))


def _other_days(ledger: Ledger) -> str:
    runs: Iterable[date] = sorted({entry.run_day for entry in ledger.values()}, reverse=True)
    named = ", ".join(map(str, list(runs)[:5]))
    return f"The latest runs that published something were for {named}." if named else "Run `tillroll sync` first."
