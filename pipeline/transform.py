"""The transform steps: dbt builds and tests `core` from what is published, then `datamart` from `core`.

Work follows the change: facts are replaced for the days whose published fingerprints differ from those they were built
from, and nothing is done when nothing differs. A build that failed a test, or died, is never taken for a good one.
"""

import logging
import time
from datetime import date
from pathlib import Path

from pipeline.catalog import load_catalog
from pipeline.errors import ConfigurationError, StepError
from pipeline.failpoints import failpoint
from pipeline.progress import Progress, silent
from pipeline.reports import TransformReport
from pipeline.settings import Settings
from pipeline.transform_changes import DATAMART as DATAMART_ENTRY
from pipeline.transform_changes import (
    Change,
    Entries,
    compare_inputs,
    datamart_entry,
    is_finished,
    project_entry,
)
from pipeline.transform_dbt import Build, run_dbt
from pipeline.warehouse import open_warehouse
from pipeline.warehouse.base import CORE, DATAMART, Warehouse

logger = logging.getLogger(__name__)


def transform_core(settings: Settings, day: date, progress: Progress = silent) -> TransformReport:
    """Build and test staging views, snapshots, dimensions and facts from what is published.

    Raises:
        StepError: nothing is published, or a model or test failed; `core` then counts as not built.
    """
    started = time.monotonic()
    warehouse, project = open_warehouse(settings), _project(settings)
    if project is None:
        return TransformReport(day, CORE, 0.0)
    with warehouse.lock():
        change = _change(project, warehouse, settings, day)
        if not change.partitions:
            logger.info("%s: core is built from what is published; nothing to do", day)
            return TransformReport(day, CORE, time.monotonic() - started)
        logger.info("%s: building core for %s", day, _described(change))
        with failpoint("core.begun"):
            warehouse.record_transformed(change.begun())
        build = Build(project, CORE, None if change.everything else change.days)
        built = run_dbt(settings, build, progress, warehouse.require_lock)
        with failpoint("core.done"):
            warehouse.record_transformed(change.done())
    return TransformReport(
        day=day,
        dataset=CORE,
        seconds=time.monotonic() - started,
        everything=change.everything,
        days=change.days,
        models=built.models,
        tests=built.tests,
        quarantined=built.quarantined,
        warned=built.warned,
    )


def transform_datamart(settings: Settings, day: date, progress: Progress = silent) -> TransformReport:
    """Build and test the marts from `core`; show them to people, all at once.

    Raises:
        StepError: `core` is not built, or a model or test failed; readers keep the marts they had.
    """
    started = time.monotonic()
    warehouse, project = open_warehouse(settings), _project(settings)
    if project is None:
        return TransformReport(day, DATAMART, 0.0)
    with warehouse.lock():
        transformed = warehouse.transformed()
        if not is_finished(transformed):
            raise StepError(
                f"core in {settings.warehouse} is not built, or its last build failed",
                "Run the core transform again (`tillroll transform`, or the task of bq_transform_core) and see why.",
            )
        if _datamart_is_built(project, warehouse, transformed):
            logger.info("%s: core has not changed since the datamart was built; nothing to do", day)
            return TransformReport(day, DATAMART, time.monotonic() - started)
        logger.info("%s: building the datamart", day)
        built = run_dbt(settings, Build(project, DATAMART, ()), progress, warehouse.require_lock)
        warehouse.show_marts()
        with failpoint("datamart.done"):
            warehouse.record_transformed([*transformed.values(), datamart_entry(transformed, day)])
    return TransformReport(
        day, DATAMART, time.monotonic() - started, models=built.models, tests=built.tests, warned=built.warned
    )


def _change(folder: Path, warehouse: Warehouse, settings: Settings, day: date) -> Change:
    """What differs from the last build of `core`; everything, where one of its models is gone or cannot be read."""
    companions = {table.companion for table in load_catalog(settings.catalog_path)}
    published = {p: entry for p, entry in warehouse.ledger().items() if p.table not in companions}
    if not published:
        raise StepError(f"nothing is published in {settings.warehouse}", "Run `tillroll sync` for a day first.")
    project = project_entry(folder, day, published)
    change = compare_inputs(published, project, warehouse.transformed())
    if change.everything:
        return change
    if change.partitions:
        days = warehouse.days_to_build_again()
        return compare_inputs(published, project, {}) if days is None else change.with_days(days)
    return change if _models(folder, CORE) <= warehouse.relations() else compare_inputs(published, project, {})


def _models(folder: Path, dataset: str) -> set[str]:
    """The relations that the project builds in a dataset."""
    return {f"{dataset}.{file.stem}" for file in (folder / "models" / dataset).rglob("*.sql")}


def _project(settings: Settings) -> Path | None:
    """The dbt project's folder.

    Raises:
        ConfigurationError: the folder holds no dbt project.
    """
    folder = settings.dbt_folder
    if folder and not (folder / "dbt_project.yml").exists():
        raise ConfigurationError(
            f"TILLROLL_DBT_PROJECT: there is no dbt project in {folder}",
            "Name the folder that holds dbt_project.yml, or set it to none to publish without models.",
        )
    return folder


def _datamart_is_built(folder: Path, warehouse: Warehouse, transformed: Entries) -> bool:
    """Whether the datamart is built from this very core, none of its marts is gone, and people can read it."""
    built = DATAMART_ENTRY in transformed and _models(folder, DATAMART) <= warehouse.relations()
    return built and warehouse.shows_marts()


def _described(change: Change) -> str:
    if change.everything:
        return "every day, from nothing"
    days = ", ".join(map(str, change.days[:5])) + (f" and {len(change.days) - 5} more" if change.days[5:] else "")
    return ", ".join(filter(None, [days, *change.whole_tables]))
