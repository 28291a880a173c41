"""Recoveries: work that failed has succeeded, cleared or begun anew by whoever it was; people hear that it is over."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from urllib.parse import quote

from pipeline.airflow_support.api import AirflowApi
from pipeline.airflow_support.states import SUCCESS
from pipeline.airflow_support.unheard import day_of_run
from pipeline.alerts.failure import UNMAPPED, WHOLE_RUN
from pipeline.alerts.outbox import Outbox
from pipeline.alerts.routing import Routing
from pipeline.alerts.threads import OpenWork, open_work

logger = logging.getLogger(__name__)

WATCHER = "recoveries"
# Successes are looked for again so far back: a failure may be recorded, and an end be written, a while after it was.
OVERLAP = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class _Success:
    """A task, or a whole run, that has come to its good end."""

    dag: str
    task: str
    map_index: int
    run: str
    at: datetime


def find_recoveries(api: AirflowApi, outbox: Outbox, routing: Routing) -> None:
    """Record that failures are over whose work has succeeded since. Raises TransientError."""
    now = datetime.now(UTC)
    since = outbox.looked_until(WATCHER, now) - OVERLAP
    with outbox.transaction() as connection:
        waiting = list(open_work(connection, now))
    for work, success in recoveries(api, waiting, since):
        logger.info("it has succeeded: %s", work.first.title)
        outbox.record(work.resolved(success.at, success.run), WATCHER, routing)
    outbox.looked(WATCHER, now)


def recoveries(api: AirflowApi, waiting: Sequence[OpenWork], since: datetime) -> Iterator[tuple[OpenWork, _Success]]:
    """The work that has succeeded after it failed, by runs that ended after `since`; each with its first success.

    Raises:
        TransientError: Airflow does not answer.
    """

    @cache
    def day(dag: str, run: str) -> str:
        return day_of_run(api.get(f"/dags/{dag}/dagRuns/{quote(run)}"))

    tasks = sorted({one.work.task for one in waiting})
    ends = sorted((end for task in tasks for end in _successes(api, task, since)), key=lambda end: end.at)
    for one in waiting:
        work = one.work
        same = (e for e in ends if (e.dag, e.task, e.map_index) == (work.dag, work.task, work.map_index))
        later = (end for end in same if end.at > one.failed_at)
        if found := next((e for e in later if e.run == work.run or (work.day and day(e.dag, e.run) == work.day)), None):
            yield one, found


def _successes(api: AirflowApi, task: str, since: datetime) -> Iterator[_Success]:
    span = {"state": SUCCESS, "end_date_gte": since.isoformat(), "order_by": "end_date"}
    if task == WHOLE_RUN:
        for run in api.get_all("/dags/~/dagRuns", "dag_runs", **span):
            at = datetime.fromisoformat(run["end_date"])
            yield _Success(run["dag_id"], WHOLE_RUN, UNMAPPED, run["dag_run_id"], at)
        return
    for found in api.get_all("/dags/~/dagRuns/~/taskInstances", "task_instances", task_id=task, **span):
        at = datetime.fromisoformat(found["end_date"])
        yield _Success(found["dag_id"], found["task_id"], found["map_index"], found["dag_run_id"], at)
