"""Have Airflow run the chain for a range of days."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import httpx

from pipeline.airflow_support.api import AirflowApi, ApiError
from pipeline.airflow_support.states import QUEUED, RUNNING
from pipeline.days import days_between
from pipeline.errors import StepError

# Runs of the first DAG at once: days enter the chain one after the other, and overlap in the DAGs behind it.
RUNS_AT_ONCE = 1


# Airflow notices that a backfill is finished every 30 s, and takes no other one of the same DAG before.
NOTICED = 60


@dataclass(frozen=True, slots=True)
class Backfill:
    """What Airflow works on. `heads`: day → id of the first DAG's run; `skipped`: days that have run already."""

    heads: dict[date, str]
    skipped: tuple[date, ...]


def create_backfill(api: AirflowApi, head: str, first: date, last: date, *, reprocess: bool) -> Backfill:
    """Have Airflow run `head` for each day from `first` to `last`; `reprocess` takes those too that have run already.

    Raises:
        StepError: another backfill of this DAG is still running, or Airflow refuses for a reason of its own.
    """
    wanted = {
        "dag_id": head,
        "from_date": f"{first}T00:00:00Z",
        "to_date": f"{last}T00:00:00Z",
        "reprocess_behavior": "completed" if reprocess else "none",
        "max_active_runs": RUNS_AT_ONCE,
    }
    heads: dict[date, str] = {}
    if api.post("/backfills/dry_run", wanted)["backfills"]:
        heads = _runs_of(api, head, _create(api, head, wanted), first, last)
    return Backfill(heads, tuple(day for day in days_between(first, last) if day not in heads))


def _create(api: AirflowApi, head: str, wanted: dict[str, Any]) -> dict[str, Any]:
    deadline = time.monotonic() + NOTICED
    while True:
        try:
            created: dict[str, Any] = api.post("/backfills", wanted)
        except ApiError as error:
            if error.status != httpx.codes.CONFLICT:
                raise
            if time.monotonic() > deadline or any(_unfinished(api, head)):
                raise StepError(error.message, f"Wait for it, or cancel it: {api.url}/dags/{head}/backfills") from error
            time.sleep(2)
        else:
            return created


def _unfinished(api: AirflowApi, head: str) -> Iterator[Any]:
    """Runs that a backfill has made and that are not done."""
    return api.get_all(f"/dags/{head}/dagRuns", "dag_runs", run_type="backfill", state=[QUEUED, RUNNING])


def _runs_of(api: AirflowApi, head: str, backfill: dict[str, Any], first: date, last: date) -> dict[date, str]:
    """The runs that this backfill made: Airflow allows one at a time, so those queued since it was created."""
    since = _moment(backfill["created_at"])
    runs = api.get_all(
        f"/dags/{head}/dagRuns",
        "dag_runs",
        run_type="backfill",
        partition_date_gte=first.isoformat(),
        partition_date_lte=last.isoformat(),
        order_by="id",
    )
    return {
        date.fromisoformat(run["partition_key"]): str(run["dag_run_id"])
        for run in runs
        if run["queued_at"] and _moment(run["queued_at"]) >= since
    }


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
