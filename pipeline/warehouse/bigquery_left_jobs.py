"""Jobs that outlive the run that began them: BigQuery works on when a process is killed, or cut off from the network.

Whoever takes the lock waits for their end. A model that is built late, or a mart that is shown late, would else come
over newer rows. Loads are not among them: they fill tables that are looked at before they are used.
"""

from google.cloud import bigquery
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_exponential

from pipeline.errors import TransientError
from pipeline.google_clients import REQUEST_S
from pipeline.google_errors import RETRY, explained
from pipeline.google_resources import project

# The steps, as jobs are labelled, that change what a later run reads.
STEPS = {"publish", "replace", "show", "transformed", "transform_core", "transform_datamart"}

_UNFINISHED = ("pending", "running")
_LONGEST_PAUSE_S = 15


def wait_for_left_jobs(client: bigquery.Client, timeout_s: float) -> None:
    """Wait until no job of this account that a step of ours began is at work. To list one's own jobs needs no role.

    Raises:
        TransientError: one does not come to its end; names it.
    """
    attempts = Retrying(
        retry=retry_if_result(bool),
        wait=wait_exponential(multiplier=0.5, max=_LONGEST_PAUSE_S),
        stop=stop_after_delay(timeout_s),
        retry_error_callback=lambda state: state.outcome and state.outcome.result(),
    )
    if left := attempts(_left, client):
        raise TransientError(
            f"BigQuery still works on {left}, which a run began that has ended",
            f"Wait for it, or end it with `bq cancel {left}`, and run the step again.",
        )


def _left(client: bigquery.Client) -> str | None:
    """The id of such a job."""
    with explained(project(client.project)):
        for state in _UNFINISHED:
            for job in client.list_jobs(state_filter=state, retry=RETRY, timeout=REQUEST_S):
                if job.labels.get("app") == "tillroll" and job.labels.get("step") in STEPS:
                    return str(job.job_id)
    return None
