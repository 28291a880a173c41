"""Why a run failed, in the words of its task's log."""

from datetime import date
from typing import Any
from urllib.parse import quote

from pipeline.airflow_support.api import AirflowApi, ApiError, TooLongError
from pipeline.airflow_support.failure_context import LONGEST_TEXT, head
from pipeline.airflow_support.states import FAILED, DagState, task_instances, task_url
from pipeline.alerts.masking import mask
from pipeline.errors import StepError, TransientError, parts_of

# Bytes of a log that are searched for an exception.
LONGEST_LOG = 64_000_000


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
    asked = {"full_content": True, "map_index": task["map_index"]}
    try:
        line = api.first_line(path, _tells_an_exception, LONGEST_LOG, **asked)
    except TooLongError:
        return "", "its log is too long to be searched for it", "", ""
    except (ApiError, TransientError):
        return "", "its log cannot be read", "", ""
    if line is None:
        return "", "", "", ""
    detail = line["error_detail"][0]
    message, remedy, evidence = parts_of(mask(str(detail["exc_value"])[:LONGEST_TEXT]))
    return str(detail["exc_type"]), head(message), head(remedy), head(evidence)


def _tells_an_exception(line: Any) -> bool:
    return isinstance(line, dict) and bool(line.get("error_detail"))
