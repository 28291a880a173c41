"""Why a run failed, in the words of its task's log."""

from datetime import date
from typing import Any
from urllib.parse import quote

from pipeline.airflow_support.api import AirflowApi, ApiError
from pipeline.airflow_support.states import FAILED, DagState, task_instances, task_url
from pipeline.alerts.masking import mask
from pipeline.errors import StepError, TransientError, parts_of


def explain(api: AirflowApi, day: date, failed: DagState) -> StepError:
    """The error to show for a failed run: DAG, task, the exception's text, and where its log is."""
    tasks = [task for task in task_instances(api, failed) if task["state"] == FAILED]
    if not tasks:
        return StepError(f"{failed.dag} failed for {day}", f"Look at {failed.url}")
    task = tasks[0]
    error, text, remedy, evidence = exception_of(api, task)
    said = f"{error}: {text}" if error else text or "no exception is in its log; the process may have been killed"
    return StepError(
        f"{failed.dag}.{task['task_id']} failed for {day}: {said}",
        f"{remedy or 'Read its log.'}\n  log: {task_url(api, task)}",
        evidence,
    )


def exception_of(api: AirflowApi, task: dict[str, Any]) -> tuple[str, str, str, str]:
    """The exception in the log of a task's last try: its class, its text, its remedy and its evidence, masked.

    The class is empty where the log holds no exception; the text then says why it cannot be read, or is empty too.
    """
    run = f"/dags/{task['dag_id']}/dagRuns/{quote(task['dag_run_id'])}"
    path = f"{run}/taskInstances/{task['task_id']}/logs/{task['try_number']}"
    try:
        lines = api.get(path, full_content=True, map_index=task["map_index"])["content"]
    except (ApiError, TransientError):
        return "", "its log cannot be read", "", ""
    details = [line["error_detail"][0] for line in lines if isinstance(line, dict) and line.get("error_detail")]
    if not details:
        return "", "", "", ""
    return str(details[0]["exc_type"]), *parts_of(mask(str(details[0]["exc_value"])))
