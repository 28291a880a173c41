"""Why a run failed, in the words of its task's log."""

from datetime import date
from urllib.parse import quote

from pipeline.airflow_support.api import AirflowApi, ApiError
from pipeline.airflow_support.states import FAILED, DagState, task_instances
from pipeline.alerts.masking import mask
from pipeline.errors import StepError, TransientError, parts_of


def explain(api: AirflowApi, day: date, failed: DagState) -> StepError:
    """The error to show for a failed run: DAG, task, the exception's text, and where its log is."""
    tasks = [task for task in task_instances(api, failed) if task["state"] == FAILED]
    if not tasks:
        return StepError(f"{failed.dag} failed for {day}", f"Look at {failed.url}")
    task = tasks[0]
    url = f"{failed.url}/tasks/{task['task_id']}?try_number={task['try_number']}"
    error, text, remedy, evidence = exception_of(api, failed.dag, failed.run_id, task["task_id"], task["try_number"])
    said = f"{error}: {text}" if error else text or "no exception is in its log; the process may have been killed"
    return StepError(
        f"{failed.dag}.{task['task_id']} failed for {day}: {said}",
        f"{remedy or 'Read its log.'}\n  log: {url}",
        evidence,
    )


def exception_of(api: AirflowApi, dag: str, run: str, task: str, attempt: int) -> tuple[str, str, str, str]:
    """The exception in a task's log: its class, its text, its remedy and its evidence, masked.

    The class is empty where the log holds no exception; the text then says why it cannot be read, or is empty too.
    """
    path = f"/dags/{dag}/dagRuns/{quote(run)}/taskInstances/{task}/logs/{attempt}"
    try:
        lines = api.get(path, full_content=True)["content"]
    except (ApiError, TransientError):
        return "", "its log cannot be read", "", ""
    details = [line["error_detail"][0] for line in lines if isinstance(line, dict) and line.get("error_detail")]
    if not details:
        return "", "", "", ""
    return str(details[0]["exc_type"]), *parts_of(mask(str(details[0]["exc_value"])))
