"""What is published, and what is not: how far each layer is, by the runs that Airflow says have succeeded.

Only Airflow is asked: who reads the warehouse would wait for its writer, or keep it waiting. What the command line has
published without Airflow is not seen.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from pipeline.airflow_support.api import AirflowApi
from pipeline.airflow_support.chain import BQ_TRANSFORM_CORE, BQ_TRANSFORM_DATAMART, CHAIN, GCS_TO_BQ_STAGING
from pipeline.airflow_support.runs import api_of
from pipeline.airflow_support.states import SUCCESS
from pipeline.alerts.failure import NO_DAY
from pipeline.alerts.masking import mask
from pipeline.alerts.patience import within
from pipeline.errors import TillrollError
from pipeline.settings import Settings

# Seconds that an answer of Airflow's may take, and all of them together: a task waits for its alert.
ANSWER_S = 2.5
PATIENCE_S = 4.0
# Runs that ended last, of which the newest day is taken: a backfill ends with old ones.
_LATEST = 100

_LAYERS = (
    ("staging", GCS_TO_BQ_STAGING),
    ("core", BQ_TRANSFORM_CORE),
    ("marts", BQ_TRANSFORM_DATAMART),
)


def published_now(settings: Settings, dag: str, day: str) -> str:
    """The layers as they are when the work of `dag` for `day` has failed. Empty for a DAG that publishes nothing.

    It never raises; where Airflow does not say it within seconds, the text says why it is unknown.
    """
    if dag not in CHAIN:
        return ""
    try:
        return within(PATIENCE_S, lambda: _asked(settings, day))
    except Exception as error:  # noqa: BLE001 - whatever it is, people hear of the failure
        return _unknown(error)


def published(api: AirflowApi, dag: str, day: str) -> str:
    """The same, of an Airflow that somebody is asking already."""
    if dag not in CHAIN:
        return ""
    try:
        return "\n".join(_lines(api, day))
    except TillrollError as error:
        return _unknown(error)


def _asked(settings: Settings, day: str) -> str:
    api = api_of(settings, timeout=ANSWER_S, patience=0.0)
    try:
        return "\n".join(_lines(api, day))
    finally:
        api.close()


def _lines(api: AirflowApi, day: str) -> Iterator[str]:
    yield "Dashboards show the marts, which change all at once or not at all."
    for layer, dag in _LAYERS:
        yield f"- {layer}: {_layer(api, dag, day)}"


def _layer(api: AirflowApi, dag: str, day: str) -> str:
    """How far one layer is, and whether this day is in it."""
    latest = _successes(api, dag, limit=_LATEST)
    newest = max(latest, key=lambda run: str(run["partition_key"]), default=None)
    if newest is None:
        return "nothing yet"
    up_to = f"days up to {newest['partition_key']}, since {_moment(newest)}"
    if day in {NO_DAY, newest["partition_key"]}:
        return up_to
    same = _successes(api, dag, limit=1, partition_key_prefix_pattern=day)
    return f"{day}, since {_moment(same[0])}; {up_to}" if same else f"NOT {day}; {up_to}"


def _successes(api: AirflowApi, dag: str, **asked: Any) -> list[dict[str, Any]]:
    """Runs for a day that have succeeded, those that ended last first."""
    runs = api.get(f"/dags/{dag}/dagRuns", state=SUCCESS, order_by="-end_date", **asked)["dag_runs"]
    return [run for run in runs if run["partition_key"]]


def _moment(run: dict[str, Any]) -> str:
    return f"{datetime.fromisoformat(run['end_date']).astimezone(UTC):%Y-%m-%d %H:%M UTC}"


def _unknown(error: Exception) -> str:
    return f"unknown: {mask(str(getattr(error, 'message', error)) or type(error).__name__)}"
