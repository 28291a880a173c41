"""Run one step as the body of an Airflow task."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

from airflow.sdk import get_current_context
from airflow.sdk.log import mask_secret

from pipeline.airflow_support.day import day_of
from pipeline.alerts.masking import secrets_of
from pipeline.alerts.tell import tell
from pipeline.reports import to_plain
from pipeline.settings import Settings

logger = logging.getLogger(__name__)

# Most characters of one value of a report that Airflow stores; the rest is in the task's log.
LONGEST_VALUE = 1_000


def run_step(step: Callable[[Settings, date], Any]) -> dict[str, Any]:
    """Call `step` for the day of the current run, and hand the day on to the DAGs that follow.

    Returns:
        The step's report (a dataclass) as JSON values, for Airflow's page of the task.

    Raises:
        TillrollError: what the step raises.
    """
    context = get_current_context()
    settings = Settings.load()
    for secret in secrets_of(settings):
        mask_secret(secret)
    day = day_of(context)
    logger.info("%s for %s", step.__name__, day)
    with signed_in(settings):
        report = step(settings, day)
    logger.info("%s", report)
    for asset in context["outlets"]:
        context["outlet_events"][asset].add_partitions(day.isoformat())
    tell(settings, report, context["dag"].dag_id, tuple(sorted(context["dag"].tags)))
    return summary(report)


@contextmanager
def signed_in(settings: Settings) -> Iterator[None]:
    """Where lake or warehouse are on Google Cloud: signed in there by Airflow's connection."""
    if not settings.uses_google:
        yield
        return
    from pipeline.airflow_support.google import google_connection  # a second's import, which a laptop can do without

    with google_connection():
        yield


def summary(report: Any) -> dict[str, Any]:
    """A report as a small dictionary of JSON values: what is long is replaced by how long it is."""
    values: dict[str, Any] = to_plain(report)
    return {
        name: value if len(str(value)) <= LONGEST_VALUE else f"{len(value)} entries" for name, value in values.items()
    }
