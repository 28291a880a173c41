"""Failures that nobody reported, as Airflow's API tells of them: each has the key that whoever reports it gives it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain, repeat
from typing import Any

import pytest
from airflow_answers import answering

from pipeline.airflow_support import explain
from pipeline.airflow_support.api import AirflowApi
from pipeline.airflow_support.failure_context import LONGEST_MESSAGE
from pipeline.airflow_support.unheard import unheard_failures
from pipeline.alerts.failure import WHOLE_RUN, Failure, failure_key, run_failure_key

LONG_AGO, NOW = datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 2, 1, tzinfo=UTC)
ENDED = "2025-01-04T00:05:00.123456Z"


class Airflow:
    """As far as it is asked here: what failed. The log of a task says which one it is of a mapped task's."""

    def __init__(self) -> None:
        self.tasks: list[dict[str, Any]] = []
        self.runs: list[dict[str, Any]] = []
        self.says, self.told = "number {}", True

    def answer(self, path: str, asked: dict[str, str]) -> Any:
        if "/logs/" in path:
            error = {"exc_type": "ValueError", "exc_value": self.says.format(asked["map_index"])}
            told = [{"error_detail": [error]}] if self.told else repeat({"event": "said, and said again"})
            return iter(chain([{"event": "begun"}, "no document of Airflow's"], told))
        if path.endswith("/details"):
            return {"doc_md": "", "tags": []}
        if path.endswith("/taskInstances"):
            return {"task_instances": self.tasks if "/~/" in path else []}
        return {"dag_runs": self.runs} if path.endswith("/dagRuns") else {"partition_key": "2025-01-03"}


@pytest.fixture
def airflow() -> Airflow:
    return Airflow()


@pytest.fixture
def api(airflow: Airflow) -> Iterator[AirflowApi]:
    with answering(airflow.answer) as url:
        api = AirflowApi(url, "me", "it", patience=0.0)
        yield api
        api.close()


def failed(**parts: Any) -> dict[str, Any]:
    """A task, or a run."""
    known = {"dag_id": "theirs", "dag_run_id": "r 1", "start_date": ENDED, "end_date": ENDED, "state": "failed"}
    return {**known, "partition_key": "2025-01-03", **parts}


def unheard(api: AirflowApi, *known: str) -> list[Failure]:
    return list(unheard_failures(api, LONG_AGO, NOW, set(known).__contains__))


def test_each_of_a_mapped_task_is_a_failure_with_a_log_of_its_own(airflow: Airflow, api: AirflowApi) -> None:
    airflow.tasks = [failed(task_id="work", try_number=2, map_index=index, id=f"id{index}") for index in (-1, 0, 1)]

    found = unheard(api, failure_key("theirs", "work", "r 1", 2, 0, "id0"))

    assert [(f.key, f.name, f.message) for f in found] == [
        (failure_key("theirs", "work", "r 1", 2, -1, "id-1"), "work", "number -1"),
        (failure_key("theirs", "work", "r 1", 2, 1, "id1"), "work[1]", "number 1"),
    ]
    assert found[0].log_url.endswith("/dags/theirs/runs/r%201/tasks/work?try_number=2")
    assert found[1].log_url.endswith("/dags/theirs/runs/r%201/tasks/work/mapped/1?try_number=2")


def test_a_run_that_was_deleted_and_made_again_is_another_failure(airflow: Airflow, api: AirflowApi) -> None:
    """The clock calls it the same, and its first try has the number that the first try had."""
    work = failed(task_id="work", try_number=1, map_index=-1)
    airflow.tasks = [{**work, "id": "0198f7a0-0000-7000-8000-000000000001"}]
    (first,) = unheard(api)
    assert unheard(api, first.key) == []

    airflow.tasks = [{**work, "id": "0198f7a0-0000-7000-8000-000000000002"}]
    assert [again.key == first.key for again in unheard(api, first.key)] == [False]


def test_a_text_as_long_as_no_mail_can_be_is_cut(airflow: Airflow, api: AirflowApi) -> None:
    airflow.tasks = [failed(task_id="work", try_number=1, map_index=-1, id="id")]
    airflow.says = "x" * 1_000_000

    (found,) = unheard(api)

    assert found.message == "x" * LONGEST_MESSAGE + " […]"


def test_a_log_that_does_not_end_is_read_no_farther_than_one_may(
    airflow: Airflow, api: AirflowApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(explain, "LONGEST_LOG", 1_000_000)
    airflow.tasks = [failed(task_id="work", try_number=1, map_index=-1, id="id")]
    airflow.told = False

    (found,) = unheard(api)

    assert (found.error, found.message) == ("unknown", "its log is too long to be searched for it")


def test_a_run_that_was_cleared_and_fails_again_is_another_failure(airflow: Airflow, api: AirflowApi) -> None:
    airflow.runs = [failed()]
    (first,) = unheard(api)
    assert (first.task, first.key) == (WHOLE_RUN, run_failure_key("theirs", "r 1", datetime.fromisoformat(ENDED)))
    assert unheard(api, first.key) == []

    airflow.runs = [failed(end_date="2025-01-04T00:09:00Z")]
    (again,) = unheard(api, first.key)
    assert again.key != first.key
