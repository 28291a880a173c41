"""What state a day is in, in each DAG of the chain."""

from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import quote

from pipeline.airflow_support.api import AirflowApi

WAITING = "waiting"
QUEUED = "queued"
RUNNING = "running"
SUCCESS = "success"
FAILED = "failed"


@dataclass(frozen=True, slots=True)
class DagState:
    """Where a day is in one DAG. `state` is waiting (no run yet), queued, running, success or failed."""

    dag: str
    state: str = WAITING
    run_id: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class ChainState:
    """Where a day is in all DAGs of the chain, in their order."""

    day: date
    dags: tuple[DagState, ...]

    @property
    def done(self) -> bool:
        return all(dag.state == SUCCESS for dag in self.dags)

    @property
    def failed(self) -> DagState | None:
        return next((dag for dag in self.dags if dag.state == FAILED), None)

    @property
    def settled(self) -> bool:
        """Whether nothing more will happen by itself."""
        return self.done or self.failed is not None


def state_of(api: AirflowApi, run: dict[str, Any]) -> DagState:
    """Where a run is, from what the API says of it."""
    return DagState(run["dag_id"], run["state"], run["dag_run_id"], run_url(api, run["dag_id"], run["dag_run_id"]))


def latest(api: AirflowApi, chain: tuple[str, ...], day: date) -> ChainState:
    """The last run of `day` in each DAG, whatever started it."""
    found = {}
    for run in api.get_all("/dags/~/dagRuns", "dag_runs", partition_key_prefix_pattern=day.isoformat(), order_by="id"):
        found[run["dag_id"]] = state_of(api, run)
    return ChainState(day, tuple(found.get(dag, DagState(dag)) for dag in chain))


def task_instances(api: AirflowApi, run: DagState) -> list[dict[str, Any]]:
    """The task instances of a run, as the API describes them."""
    path = f"/dags/{run.dag}/dagRuns/{quote(run.run_id)}/taskInstances"
    return list(api.get_all(path, "task_instances"))


def run_url(api: AirflowApi, dag: str, run_id: str) -> str:
    """A run's page in the web interface."""
    return f"{api.url}/dags/{dag}/runs/{quote(run_id)}"


def task_url(api: AirflowApi, task: dict[str, Any]) -> str:
    """The page of a try of a task in the web interface, with its log."""
    mapped = f"/mapped/{task['map_index']}" if task["map_index"] >= 0 else ""
    page = run_url(api, task["dag_id"], task["dag_run_id"])
    return f"{page}/tasks/{task['task_id']}{mapped}?try_number={task['try_number']}"
