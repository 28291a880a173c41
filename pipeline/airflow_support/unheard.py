"""Failures that no callback reported: of processes that were killed, of runs that took too long, of dead callbacks.

Airflow's own state is compared with the outbox, as the warehouse is with the source. A failure has the same key whoever
reports it, so one that a callback did report is in the outbox already, and nothing comes of it.
"""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import cache, partial
from typing import Any
from urllib.parse import quote

from pipeline.airflow_support.api import AirflowApi
from pipeline.airflow_support.chain import rerun_command
from pipeline.airflow_support.dag_details import details_of
from pipeline.airflow_support.day import day_told
from pipeline.airflow_support.explain import exception_of
from pipeline.airflow_support.layers import published
from pipeline.airflow_support.states import FAILED, run_url, state_of, task_instances, task_url
from pipeline.alerts.failure import WHOLE_RUN, Failure, failure_key, run_failure_key

# A callback has seconds to report; what it has not reported by then, it never will.
GRACE = timedelta(seconds=30)
# What is published, by DAG and day of a failure.
Layers = Callable[[str, str], str]
_KILLED = "Its process was killed, or ended by itself: out of memory, a crash, a restart of the machine."


def unheard_failures(
    api: AirflowApi, since: datetime, until: datetime, is_known: Callable[[str], bool]
) -> Iterator[Failure]:
    """Tasks, and runs in which no task failed, that ended as failed between `since` and `until` less the grace.

    `is_known` says of a failure's key whether it was reported.

    Raises:
        TransientError: Airflow does not answer.
    """
    layers = cache(partial(published, api))  # a storm is about few days
    span = {"end_date_gte": since.isoformat(), "end_date_lte": (until - GRACE).isoformat(), "state": FAILED}
    path = "/dags/~/dagRuns/~/taskInstances"
    for task in api.get_all(path, "task_instances", order_by="end_date", **span):
        if not is_known(_key(task)):
            yield _task_failure(api, task, layers)
    for run in api.get_all("/dags/~/dagRuns", "dag_runs", order_by="end_date", **span):
        if is_known(run_failure_key(run["dag_id"], run["dag_run_id"], datetime.fromisoformat(run["end_date"]))):
            continue
        if not any(task["state"] == FAILED for task in task_instances(api, state_of(api, run))):
            yield _run_failure(api, run, layers)


def _key(task: dict[str, Any]) -> str:
    which = (task["dag_run_id"], task["try_number"], task["map_index"], task["id"])
    return failure_key(task["dag_id"], task["task_id"], *which)


def _task_failure(api: AirflowApi, task: dict[str, Any], layers: Layers) -> Failure:
    dag, run = task["dag_id"], task["dag_run_id"]
    details, day = details_of(api, dag), day_of_run(api.get(f"/dags/{dag}/dagRuns/{quote(run)}"))
    error, message, remedy, evidence = exception_of(api, task)
    return Failure(
        dag=dag,
        task=task["task_id"],
        day=day,
        run=run,
        attempt=task["try_number"],
        error=error or "unknown",
        message=message or f"No exception was reported. {_KILLED}",
        traceback="",
        remedy=remedy,
        guidance=details.guidance,
        started_at=_moment(task["start_date"]),
        failed_at=datetime.fromisoformat(task["end_date"]),
        log_url=task_url(api, task),
        tags=details.tags,
        evidence=evidence,
        map_index=task["map_index"],
        instance=task["id"],
        published=layers(dag, day),
        rerun=rerun_command(dag, day),
    )


def _run_failure(api: AirflowApi, run: dict[str, Any], layers: Layers) -> Failure:
    dag, name = run["dag_id"], run["dag_run_id"]
    details, day = details_of(api, dag), day_of_run(run)
    return Failure(
        dag=dag,
        task=WHOLE_RUN,
        day=day,
        run=name,
        attempt=1,
        error="unknown",
        message="The run failed, and none of its tasks did: it may have taken longer than it may (dagrun_timeout).",
        traceback="",
        remedy="",
        guidance=details.guidance,
        started_at=_moment(run["start_date"]),
        failed_at=datetime.fromisoformat(run["end_date"]),
        log_url=run_url(api, dag, name),
        tags=details.tags,
        published=layers(dag, day),
        rerun=rerun_command(dag, day),
    )


def day_of_run(run: dict[str, Any]) -> str:
    """The day that a run is for, as the API describes the run."""
    return day_told(run["partition_key"], run.get("conf"))


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
