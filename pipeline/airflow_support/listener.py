"""What Airflow tells its listeners about failures, kept in the outbox at once: of every DAG, whoever wrote it.

It is called in processes that must go on: a task's, the scheduler, the DAG processor. So it sends nothing, which is the
sentinel's business; it never raises; it waits a second for the outbox and no longer; and where that was in vain, it
leaves the outbox alone for a while. What is not recorded here the sentinel finds, by the same keys.
"""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from pipeline.airflow_support.failure_context import failure_of, settings_for_alert
from pipeline.airflow_support.states import FAILED
from pipeline.alerts.channels import usable_channels
from pipeline.alerts.failure import WHOLE_RUN
from pipeline.alerts.masking import secrets_of
from pipeline.alerts.outbox import Outbox
from pipeline.alerts.routing_file import usable_routing
from pipeline.alerts.troubles import begin
from pipeline.embedded.urls import airflow_url
from pipeline.errors import StepError
from pipeline.settings import Settings

logger = logging.getLogger(__name__)

RECORDED_BY = "listener"
BUSY_S = 1.0
# The scheduler has a thousand failures at worst, and may not wait for the outbox at each.
PAUSE_S = 30.0

# What Airflow says of a run that failed though no task is to blame, and what people are told. Where tasks are, they are
# told of those; and who set a state by hand knows it.
OF_A_RUN = {
    "timed_out": "The run took longer than it may (dagrun_timeout).",
    "all_tasks_deadlocked": "None of its tasks can run any more: what they wait for will not come.",
}


@dataclass(frozen=True, slots=True)
class _WholeRun:
    """A run, as an alert's context has a task."""

    dag_id: str
    run_id: str
    start_date: datetime | None
    end_date: datetime
    log_url: str
    task_id: str = WHOLE_RUN
    try_number: int = 1


class _Outboxes:
    """The outbox, for somebody who must not wait."""

    def __init__(self) -> None:
        self._busy_until = float("-inf")

    def attempt(self, work: Callable[[Settings, Outbox], None]) -> None:
        """Do `work`. Where the outbox does not serve, the log says so, and what comes soon after is not tried."""
        if time.monotonic() < self._busy_until:
            return
        try:
            settings = settings_for_alert()
            work(settings, Outbox.of(settings.data, BUSY_S))
        except Exception as error:
            if isinstance(error, StepError):
                self._busy_until = time.monotonic() + PAUSE_S
            logger.exception("a failure is not recorded at once; the sentinel finds it")


_outboxes = _Outboxes()


def task_failed(ti: Any, error: Any, *, by_hand: bool) -> None:
    """A task failed: for good, or to be tried again. `by_hand`: somebody set its state, and knows it."""
    if not by_hand and getattr(ti.state, "value", ti.state) == FAILED:
        _record(lambda: _context_of_task(ti, error))


def run_failed(run: Any, reason: str) -> None:
    """A run failed, for a reason of Airflow's own naming."""
    if reason in OF_A_RUN:
        _record(lambda: _context_of_run(run, OF_A_RUN[reason]))


def file_broke(path: str) -> None:
    """A DAG file does not parse, which it did before. How long that may last begins now."""

    def work(_: Settings, outbox: Outbox) -> None:
        from pipeline.airflow_support.airflow_troubles import FILES, file_title, file_topic

        bundle, filename = _place_of(path)
        begin(outbox, FILES, file_topic(bundle, filename), file_title(filename))

    _outboxes.attempt(work)


def _record(context: Callable[[], Mapping[str, Any]]) -> None:
    def work(settings: Settings, outbox: Outbox) -> None:
        alert = failure_of(context(), secrets_of(settings)).alert()
        outbox.record(alert, RECORDED_BY, usable_routing(settings, usable_channels(settings)))

    _outboxes.attempt(work)


def _context_of_task(ti: Any, error: Any) -> dict[str, Any]:
    """In a task's process, what its callback was given; in the scheduler, what it has read of the database."""
    if hasattr(ti, "get_template_context"):
        return {**ti.get_template_context(), "exception": error}
    return {"ti": ti, "dag": getattr(ti.task, "dag", None), "exception": error, **_day_of_run(vars(ti).get("dag_run"))}


def _context_of_run(run: Any, reason: str) -> dict[str, Any]:
    url = f"{airflow_url(settings_for_alert())}/dags/{run.dag_id}/runs/{quote(run.run_id)}"
    whole = _WholeRun(run.dag_id, run.run_id, run.start_date, run.end_date, url)
    return {"ti": whole, "dag": run.dag, "reason": reason, **_day_of_run(run)}


def _day_of_run(run: Any) -> dict[str, Any]:
    return {"dag_run": run, "partition_key": getattr(run, "partition_key", None)}


def _place_of(path: str) -> tuple[str, str]:
    """The bundle that a DAG file is in, and its name there."""
    from airflow.dag_processing.bundles.manager import DagBundlesManager

    manager = DagBundlesManager()  # type: ignore[no-untyped-call]
    bundles = [(bundle.name, f"{bundle.path}/") for bundle in manager.get_all_dag_bundles()]
    name, folder = max(((n, f) for n, f in bundles if path.startswith(f)), key=lambda found: len(found[1]))
    return name, path.removeprefix(folder)
