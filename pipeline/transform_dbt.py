"""Runs dbt inside this process, and turns what it says into counts, or into an error that names model and rows."""

import json
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Literal

from pipeline.errors import StepError, TillrollError
from pipeline.failpoints import reached
from pipeline.progress import Progress
from pipeline.reports import Warned, counted
from pipeline.settings import Settings
from pipeline.transform_target import dbt_variables, environment

logger = logging.getLogger(__name__)

_QUARANTINE = "quarantine_"
_FAILPOINTS = {"snapshot": "dbt.snapshot", "model": "dbt.model", "test": "dbt.test"}
_FAILED = {"fail", "error", "partial success"}

# What a job's label says of it.
_STEPS = {"build": "transform", "compile": "cost"}


@dataclass(frozen=True, slots=True)
class Build:
    """One `dbt build`: of which project, which selector of its selectors.yml, and for which days.

    `days` None builds incremental models from nothing.
    """

    project: Path
    selector: str
    days: Sequence[date] | None

    def arguments(self, run_folder: Path, command: str = "build") -> list[str]:
        """dbt's command line. All it writes goes below `run_folder`, where each selector has its own folder."""
        folder = self.selector if command == "build" else f"{self.selector}-{command}"
        return [
            *("--quiet", "--log-level", "none", "--log-level-file", "info", "--no-use-colors"),
            *("--no-send-anonymous-usage-stats", "--no-version-check", "--no-write-json"),
            *("--log-path", str(run_folder / "logs")),
            command,
            *("--project-dir", str(self.project), "--profiles-dir", str(self.project)),
            *("--target-path", str(run_folder / folder)),
            *_parsed(run_folder),
            *("--selector", self.selector),
            *(["--exclude-resource-type", "unit_test"] if command == "build" else []),  # `compile` has none of them
            *(["--full-refresh"] if self.days is None else []),
        ]

    def environment(self, command: str = "build") -> dict[str, str]:
        """What the project reads: the days as a list of texts, or null, and the step for a job's label."""
        days = None if self.days is None else [day.isoformat() for day in self.days]
        return {
            "TILLROLL_DBT_CHANGED_DAYS": json.dumps(days),
            "TILLROLL_DBT_STEP": f"{_STEPS[command]}_{self.selector}",
        }


@dataclass(frozen=True, slots=True)
class Built:
    """What dbt built: models and snapshots, tests, rows in quarantine by source table, other tests that warn."""

    models: int
    tests: int
    quarantined: dict[str, int] = field(default_factory=dict)
    warned: tuple[Warned, ...] = ()


def run_dbt(settings: Settings, build: Build, progress: Progress, require_lock: Callable[[], None]) -> Built:
    """Build and test; before each node `require_lock` is called, which raises where the build may not go on.

    Raises:
        StepError: a model or a test failed, or dbt could not begin. Nothing is known to be right then.
    """
    return _counts(_results(settings, build, "build", progress, require_lock))


@dataclass(frozen=True, slots=True)
class Compiled:
    """A statement that a build would have run: the query of a model, a snapshot or a test."""

    name: str
    kind: str
    sql: str


def compile_dbt(settings: Settings, build: Build, progress: Progress) -> list[Compiled]:
    """What a build would read, and nothing of it run. Raises StepError where the project does not compile."""
    results = _results(settings, build, "compile", progress, lambda: None)
    return [Compiled(r.node.name, str(r.node.resource_type), r.node.compiled_code) for r in results]


def _results(
    settings: Settings, build: Build, command: str, progress: Progress, require_lock: Callable[[], None]
) -> Sequence[Any]:
    """dbt's result for each node."""
    variables = {**dbt_variables(settings), **build.environment(command)}
    from dbt.cli.main import dbtRunner  # takes a second, and most runs of the program need none of it

    run_folder = _run_folder(settings)
    watcher = _Watcher(progress, f"{command} {build.selector}", require_lock)
    runner = dbtRunner(callbacks=[watcher])
    with environment(variables), _unwritable_log():
        try:
            outcome = runner.invoke(build.arguments(run_folder, command))
        finally:
            _close_files()
    if watcher.stopped:
        raise watcher.stopped
    log = run_folder / "logs" / "dbt.log"
    if outcome.exception and not isinstance(outcome.exception, Exception):
        raise outcome.exception  # dbt catches even what is meant to stop the process
    results = getattr(outcome.result, "results", None)
    if results is None:
        raise StepError(f"dbt could not {command} {build.selector}: {outcome.exception}", f"dbt's log is {log}.")
    failed = [result for result in results if str(result.status) in _FAILED]
    if failed or not outcome.success:
        raise _failure(build.project, failed, log)
    return list(results)


def _parsed(run_folder: Path) -> list[str]:
    """Where dbt last left what it parsed, whichever command it was: it reads again only what has changed since."""
    files = sorted(run_folder.glob("*/partial_parse.msgpack"), key=lambda file: file.stat().st_mtime)
    return ["--partial-parse-file-path", str(files[-1])] if files else []


def _run_folder(settings: Settings) -> Path:
    folder = settings.data / "run" / "dbt"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StepError(
            f"cannot make the folder {folder}, where dbt writes: {error.strerror}",
            "Repair the permissions of its parent folders, or free disk space, and run the transform again.",
        ) from error
    return folder


def _counts(results: Sequence[Any]) -> Built:
    tests = [result for result in results if result.node.resource_type == "test"]
    warned = [_warned(test) for test in tests if test.status == "warn"]
    quarantined = {
        w.model.removeprefix(_QUARANTINE): w.rows for w in warned if w.model.startswith(_QUARANTINE)
    }  # fmt: skip
    others = tuple(warning for warning in warned if not warning.model.startswith(_QUARANTINE))
    for table, rows in quarantined.items():
        logger.warning(
            "%s: %s rows break a business rule and are kept in staging.%s%s", table, rows, _QUARANTINE, table
        )
    for warning in others:
        logger.warning("%s", warning)
    return Built(len(results) - len(tests), len(tests), dict(sorted(quarantined.items())), others)


def _warned(test: Any) -> Warned:
    return Warned(test.node.name, _tested_model(test.node), test.failures or 0, _sql(test.node))


def _failure(project: Path, failed: Sequence[Any], log: Path) -> StepError:
    """The error of the first failed node: models before tests, as dbt ran them."""
    if not failed:
        return StepError("dbt failed without naming a model or test", f"dbt's log is {log}.")
    first = failed[0]
    others = f" (and {len(failed) - 1} more: {', '.join(map(_with_rows, failed[1:4]))})" if failed[1:] else ""
    compiled = first.node.compiled_path and project / first.node.compiled_path
    if first.node.resource_type == "test" and first.failures:
        return StepError(
            f"dbt test {_named(first)} found {counted(first.failures)} that must not be{others}",
            f"{compiled} selects them. A row that moved away from a day beyond the lookback is still there too: run "
            "`tillroll audit --heal`. Where all is equal, repair the source or the model. Then run the transform "
            "again: people keep the marts they had until its tests pass.",
            _sql(first.node),
        )
    return StepError(
        f"dbt {first.node.resource_type} {first.node.name} failed: {' '.join(str(first.message).split())}{others}",
        f"Its SQL is {compiled}; dbt's log is {log}. Repair it and run the transform again.",
    )


def _named(result: Any) -> str:
    """A node, and for a test its model."""
    model = _tested_model(result.node)
    return f"{result.node.name} on {model}" if model else str(result.node.name)


def _with_rows(result: Any) -> str:
    """The same, with how many rows a test found."""
    return f"{_named(result)}: {counted(result.failures)}" if result.failures else _named(result)


def _sql(node: Any) -> str:
    """What dbt ran for it, where it came so far."""
    return str(getattr(node, "compiled_code", None) or "").strip()


def _tested_model(test: Any) -> str:
    """The name of the model that a test stands beside in YAML; empty for a test that is a query of its own."""
    return str(getattr(test, "attached_node", None) or "").rpartition(".")[2]


def _close_files() -> None:
    """Close what dbt leaves open: a DuckDB warehouse's file, which no other process could open then, and its log."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.adapters.factory import reset_adapters

    reset_adapters()  # type: ignore[no-untyped-call]
    DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]
    dbt_log = logging.getLogger("file_log")
    for handler in list(dbt_log.handlers):
        dbt_log.removeHandler(handler)
        with suppress(OSError):  # what it still held does not fit on the disk; what failed, dbt's results say
            handler.close()


@contextmanager
def _unwritable_log() -> Iterator[None]:
    """Without Python's own traceback on the terminal for each line that cannot be written: a full disk has many."""
    before, logging.raiseExceptions = logging.raiseExceptions, False
    try:
        yield
    finally:
        logging.raiseExceptions = before


class _Watcher:
    """Passes dbt's finished nodes on as progress, and its nodes as failpoints; called from dbt's threads.

    Where the lock was lost meanwhile no further node begins: what is raised here before one is that node's failure.
    """

    def __init__(self, progress: Progress, stage: str, require_lock: Callable[[], None]) -> None:
        self._progress, self._stage, self._require_lock = progress, stage, require_lock
        self.stopped: TillrollError | None = None
        self._done = 0
        self._total = 0
        self._lock = threading.Lock()

    def __call__(self, event: Any) -> None:
        if event.info.name == "LogStartLine":
            self._total = event.data.total
            self._check()
        elif event.info.name == "NodeStart":
            _reach(event.data.node_info, "before")
        elif event.info.name == "NodeFinished":
            _reach(event.data.node_info, "after")
            with self._lock:
                self._done += 1
                self._progress(self._stage, self._done, max(self._total, self._done))

    def _check(self) -> None:
        if self.stopped is None:
            try:
                self._require_lock()
                return
            except TillrollError as error:
                self.stopped = error
        raise self.stopped


def _reach(node: Any, moment: Literal["before", "after"]) -> None:
    if name := _FAILPOINTS.get(node.resource_type):
        reached(name, moment)
