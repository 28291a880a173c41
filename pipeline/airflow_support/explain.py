"""Why a run failed, in the words of its task's log."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from urllib.parse import quote

from pipeline.airflow_support.api import AirflowApi, ApiError
from pipeline.airflow_support.states import FAILED, DagState, task_instances
from pipeline.alerts.masking import mask
from pipeline.errors import StepError, TransientError


def explain(api: AirflowApi, day: date, failed: DagState) -> StepError:
    """The error to show for a failed run: DAG, task, the exception's text, and where its log is."""
    tasks = [task for task in task_instances(api, failed) if task["state"] == FAILED]
    if not tasks:
        return StepError(f"{failed.dag} failed for {day}", f"Look at {failed.url}")
    task = tasks[0]
    url = f"{failed.url}/tasks/{task['task_id']}?try_number={task['try_number']}"
    text, _, remedy = _exception(api, failed, task).partition("\n  remedy: ")
    return StepError(
        f"{failed.dag}.{task['task_id']} failed for {day}: {text}", f"{remedy or 'Read its log.'}\n  log: {url}"
    )


def _exception(api: AirflowApi, run: DagState, task: Mapping[str, Any]) -> str:
    path = f"/dags/{run.dag}/dagRuns/{quote(run.run_id)}/taskInstances/{task['task_id']}/logs/{task['try_number']}"
    try:
        lines = api.get(path, full_content=True)["content"]
    except (ApiError, TransientError):
        return "its log cannot be read"
    details = [line["error_detail"][0] for line in lines if isinstance(line, dict) and line.get("error_detail")]
    if not details:
        return "no exception is in its log; the process may have been killed"
    return mask(f"{details[0]['exc_type']}: {details[0]['exc_value']}")
