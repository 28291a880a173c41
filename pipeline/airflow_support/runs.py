"""Start a day's chain in the running Airflow, and follow it to its end."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

from pipeline.airflow_support.api import PATIENCE, TIMEOUT, AirflowApi, ApiError
from pipeline.airflow_support.chain import chain_of
from pipeline.airflow_support.explain import explain
from pipeline.airflow_support.follow import follow
from pipeline.airflow_support.states import ChainState
from pipeline.embedded.airflow_environment import USER, airflow_password
from pipeline.embedded.urls import airflow_api_url, airflow_url
from pipeline.errors import ConfigurationError, StepError
from pipeline.settings import Settings

# Seconds until all DAG files must have been parsed after a start.
PARSING = 120


def api_of(settings: Settings, *, timeout: float = TIMEOUT, patience: float = PATIENCE) -> AirflowApi:
    """The Airflow of these settings, whether or not it is up. `timeout` and `patience` are AirflowApi's."""
    server, password = airflow_api_url(settings), airflow_password(settings)
    return AirflowApi(airflow_url(settings), USER, password, server, timeout=timeout, patience=patience)


@contextmanager
def open_api(settings: Settings) -> Iterator[AirflowApi]:
    """The running Airflow, for as long as the context lasts.

    Raises:
        TransientError: it is not up.
    """
    api = api_of(settings)
    try:
        api.require_up()
        yield api
    finally:
        api.close()


def trigger_day(settings: Settings, day: date) -> str:
    """Start the chain for `day`, whether or not the day ran before; waits until Airflow knows the chain.

    Returns:
        The id of the first DAG's run, for `follow_day`.

    Raises:
        TransientError: Airflow is not up. ConfigurationError: a DAG is paused. StepError: a DAG file does not parse.
    """
    chain = chain_of(settings)
    with open_api(settings) as api:
        require_chain(api, chain)
        run = api.post(f"/dags/{chain[0]}/dagRuns", {"logical_date": None, "partition_key": day.isoformat()})
    return str(run["dag_run_id"])


def follow_day(settings: Settings, day: date, run_id: str) -> Iterator[ChainState]:
    """Yield where the day is, each time that changes, until every DAG of the chain is done.

    Raises:
        StepError: a run failed; names DAG, task, the exception and its log.
        TransientError: Airflow is down, or nothing has moved for minutes.
    """
    with open_api(settings) as api:
        seen = None
        for (state,) in follow(api, chain_of(settings), {day: run_id}):
            if state != seen:
                seen = state
                yield state
        if seen and seen.failed:
            raise explain(api, day, seen.failed)


def require_chain(api: AirflowApi, chain: Iterable[str]) -> None:
    """Wait until Airflow knows every DAG of the chain.

    Raises:
        ConfigurationError: a DAG is paused. StepError: a DAG does not appear; names the files that do not parse.
    """
    deadline = time.monotonic() + PARSING
    for dag in chain:
        while (known := _dag(api, dag)) is None:
            if time.monotonic() > deadline:
                raise StepError(f"Airflow does not know the DAG {dag}", _import_errors(api))
            time.sleep(1)
        if known["is_paused"]:
            raise ConfigurationError(f"the DAG {dag} is paused", f"Unpause it: {api.url}/dags/{dag}")


def _dag(api: AirflowApi, dag: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = api.get(f"/dags/{dag}")
    except ApiError as error:
        if error.status == 404:
            return None
        raise
    return None if found.get("is_stale") else found


def _import_errors(api: AirflowApi) -> str:
    errors = api.get("/importErrors")["import_errors"]
    if not errors:
        return "Look at the DAG processor: `tillroll status`."
    return "\n".join(f"{error['filename']}: {error['stack_trace'].strip().splitlines()[-1]}" for error in errors)
