"""Work that failed and has succeeded since, as Airflow's API tells it over HTTP: people hear once that it is over."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow_answers import answering

from pipeline.airflow_support.api import AirflowApi
from pipeline.airflow_support.recoveries import find_recoveries
from pipeline.alerts.failure import UNMAPPED, WHOLE_RUN, Failure
from pipeline.alerts.outbox import Outbox
from pipeline.alerts.routing import Routing

FAILED_AT = datetime.now(UTC) - timedelta(minutes=5)
BY_MAIL = Routing.to(["mail"])
DAYS = {"scheduled": "2025-01-03", "backfill": "2025-01-03", "next day": "2025-01-04"}


class Airflow:
    """As far as it is asked here: task instances and runs that succeeded, and what a run is for."""

    def __init__(self) -> None:
        self.tasks: list[dict[str, Any]] = []
        self.runs: list[dict[str, Any]] = []

    def succeeds(self, run: str, minutes: int, **other: object) -> None:
        """A task ends well so many minutes after the failure."""
        found = {
            "dag_id": "dag",
            "task_id": "task",
            "map_index": UNMAPPED,
            "dag_run_id": run,
            "end_date": ended(minutes),
        }
        self.tasks.append(found | other)

    def answer(self, path: str, asked: dict[str, str]) -> Any:
        if path.endswith("/taskInstances"):
            ended_since = [t for t in self.tasks if t["end_date"] >= asked["end_date_gte"]]
            return {"task_instances": [t for t in ended_since if t["task_id"] == asked["task_id"]]}
        if path.endswith("/~/dagRuns"):
            return {"dag_runs": self.runs}
        run = path.rpartition("/")[2]
        return (
            {"partition_key": None, "conf": {"day": DAYS[run]}} if run == "backfill" else {"partition_key": DAYS[run]}
        )


def ended(minutes: int) -> str:
    return (FAILED_AT + timedelta(minutes=minutes)).isoformat()


@pytest.fixture
def airflow() -> Airflow:
    return Airflow()


@pytest.fixture
def api(airflow: Airflow) -> Iterator[AirflowApi]:
    with answering(airflow.answer) as url:
        api = AirflowApi(url, "user", "password", patience=0)
        yield api
        api.close()


@pytest.fixture
def outbox(tmp_path: Path) -> Outbox:
    """An outbox whose sentinel has looked before the failure, which is in it."""
    outbox = Outbox.of(tmp_path)
    outbox.looked_until("recoveries", FAILED_AT - timedelta(minutes=1))
    fails(outbox)
    return outbox


def fails(outbox: Outbox, **other: Any) -> None:
    failure = {"dag": "dag", "task": "task", "day": "2025-01-03", "run": "scheduled", "attempt": 1, **other}
    said = dict.fromkeys(("error", "message", "traceback", "remedy", "guidance", "log_url"), "")
    alert = Failure(**failure, **said, started_at=None, failed_at=FAILED_AT).alert()
    outbox.record(alert, "callback", BY_MAIL, FAILED_AT)


def over(outbox: Outbox) -> list[str]:
    return [entry.alert.title for entry in outbox.entries() if entry.alert.is_over]


@pytest.mark.parametrize(
    ("run", "minutes", "other", "heard"),
    [
        ("scheduled", 1, {}, True),
        ("backfill", 1, {}, True),
        ("next day", 1, {}, False),
        ("scheduled", -1, {}, False),
        ("scheduled", 1, {"task_id": "another"}, False),
        ("scheduled", 1, {"dag_id": "another"}, False),
        ("scheduled", 1, {"map_index": 3}, False),
    ],
    ids=["cleared", "run again", "another day", "before", "another task", "another DAG", "one of many"],
)
def test_the_same_work_for_the_same_day_ends_it_later(
    outbox: Outbox, api: AirflowApi, airflow: Airflow, run: str, minutes: int, other: dict[str, object], heard: bool
) -> None:
    airflow.succeeds(run, minutes, **other)

    for _ in range(2):
        find_recoveries(api, outbox, BY_MAIL)

    assert over(outbox) == (["RESOLVED dag.task for 2025-01-03"] if heard else [])


def test_a_run_that_took_too_long_is_over_when_a_run_has_succeeded(
    outbox: Outbox, api: AirflowApi, airflow: Airflow
) -> None:
    fails(outbox, task=WHOLE_RUN)
    airflow.runs.append({"dag_id": "dag", "dag_run_id": "scheduled", "end_date": ended(1)})

    find_recoveries(api, outbox, BY_MAIL)

    assert over(outbox) == ["RESOLVED dag.(the whole run) for 2025-01-03"]


def test_what_happened_while_no_sentinel_lived_is_found(outbox: Outbox, api: AirflowApi, airflow: Airflow) -> None:
    outbox.looked("recoveries", FAILED_AT - timedelta(days=2))
    airflow.succeeds("scheduled", 1)

    find_recoveries(api, outbox, BY_MAIL)

    assert over(outbox) == ["RESOLVED dag.task for 2025-01-03"]


def test_a_failure_after_the_success_is_not_over(outbox: Outbox, api: AirflowApi, airflow: Airflow) -> None:
    airflow.succeeds("scheduled", -1)
    fails(outbox, attempt=2)

    find_recoveries(api, outbox, BY_MAIL)

    assert over(outbox) == []
