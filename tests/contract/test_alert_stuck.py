"""Tasks that nobody starts: what holds them up is said, and what only takes its turn is left alone."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pretended_airflow import PretendedAirflow, pretended_airflow

from pipeline.airflow_support.api import AirflowApi
from pipeline.airflow_support.runs import api_of
from pipeline.airflow_support.stuck_tasks import stuck_tasks
from pipeline.settings import Settings


@pytest.fixture
def airflow() -> Iterator[PretendedAirflow]:
    with pretended_airflow() as airflow:
        airflow.lists["pools"] = [pool("warehouse", slots=1, open_slots=0), pool("default_pool", slots=8, open_slots=5)]
        yield airflow


@pytest.fixture
def api(tmp_path: Path, airflow: PretendedAirflow) -> Iterator[AirflowApi]:
    api = api_of(Settings(data_dir=tmp_path, airflow_port=8080, airflow_api_url=airflow.url))
    yield api
    api.close()


def pool(name: str, **parts: int) -> dict[str, Any]:
    return {"name": name, **parts}


def task(state: str, **parts: Any) -> dict[str, Any]:
    known = {
        "dag_id": "core",
        "task_id": "transform",
        "dag_run_id": "r1",
        "map_index": -1,
        "try_number": 1,
        "pool": "warehouse",
        "pool_slots": 1,
        "state": state,
        "start_date": "2025-01-04T00:01:00Z",
        "queued_when": "2025-01-04T00:02:00Z",
        "scheduled_when": "2025-01-04T00:03:00Z",
    }
    return {**known, **parts}


def test_a_full_pool_is_one_trouble_that_names_who_holds_it(api: AirflowApi, airflow: PretendedAirflow) -> None:
    waiting = [task("scheduled", dag_run_id=f"r{n}") for n in range(2, 5)]
    airflow.lists["task_instances"] = [task("running"), *waiting]

    (trouble,) = stuck_tasks(api)

    assert trouble.title == "STUCK 3 tasks wait for the pool warehouse"
    sections = dict(trouble.sections)
    assert "core.transform, running since 2025-01-04T00:01:00Z, run r1" in sections["What holds it up"]
    assert sections["What to do"].endswith("/dags/core/runs/r1/tasks/transform?try_number=1")
    assert "core.transform, scheduled since 2025-01-04T00:03:00Z, run r4" in sections["What waits"]
    assert (trouble.dag, trouble.tags) == ("core", ("theirs",))


@pytest.mark.parametrize("other", [{"dag_run_id": "r9"}, {"try_number": 2}])
def test_a_pool_whose_holders_change_is_another_trouble_each_time(
    api: AirflowApi, airflow: PretendedAirflow, other: dict[str, Any]
) -> None:
    """So that nobody hears of a long queue that moves."""
    waiting = task("scheduled", dag_run_id="r2")
    airflow.lists["task_instances"] = [task("running"), waiting]
    (first,) = stuck_tasks(api)
    (still,) = stuck_tasks(api)
    airflow.lists["task_instances"] = [task("running", **other), waiting]
    (second,) = stuck_tasks(api)

    assert first.topic == still.topic != second.topic


def test_a_pool_that_does_not_exist_is_said(api: AirflowApi, airflow: PretendedAirflow) -> None:
    airflow.lists["task_instances"] = [task("scheduled", pool="gone")]

    (trouble,) = stuck_tasks(api)

    assert trouble.title == "STUCK core.transform waits for the pool gone"
    assert dict(trouble.sections)["What holds it up"] == "There is no such pool."


def test_a_paused_dag_is_said_whatever_its_pool(api: AirflowApi, airflow: PretendedAirflow) -> None:
    airflow.lists["dags"] = [{"dag_id": "core", "is_paused": True}]
    airflow.lists["task_instances"] = [task("scheduled"), task("scheduled", map_index=3)]

    (trouble,) = stuck_tasks(api)

    assert (trouble.title, trouble.topic) == ("STUCK core is paused in the middle of a run", "paused core")
    assert "core.transform[3]" in dict(trouble.sections)["What waits"]


@pytest.mark.parametrize(
    ("running", "why"),
    [([], "The executor has what waits, and runs nothing"), ([task("running", task_id="long")], "core.long")],
)
def test_a_queued_task_waits_for_the_executor(
    api: AirflowApi, airflow: PretendedAirflow, running: list[dict[str, Any]], why: str
) -> None:
    airflow.lists["task_instances"] = [task("queued"), *running]

    (trouble,) = stuck_tasks(api)

    assert trouble.title == "STUCK core.transform waits and is not started"
    assert why in dict(trouble.sections)["What holds it up"]


@pytest.mark.parametrize("state", ["queued", "scheduled"])
def test_a_thousand_tasks_that_wait_for_the_same_are_one_trouble_until_it_moves(
    api: AirflowApi, airflow: PretendedAirflow, state: str
) -> None:
    """The mapped instances of one task, where four may run at once."""
    all_of_it = [task(state, map_index=number, pool="default_pool") for number in range(4, 1000)]
    first, second = ([{**each, "state": "running"} for each in all_of_it[start : start + 4]] for start in (0, 4))
    airflow.lists["task_instances"] = [*first, *all_of_it[4:]]
    (trouble,) = stuck_tasks(api)
    (still,) = stuck_tasks(api)
    airflow.lists["task_instances"] = [*second, *all_of_it[8:]]
    asked = airflow.asked
    (moved,) = stuck_tasks(api)

    assert trouble.title == "STUCK 992 tasks wait and are not started"
    assert (trouble.dag, trouble.tags) == ("core", ("theirs",))
    assert "core.transform[4], running since" in dict(trouble.sections)["What holds it up"]
    assert trouble.topic == still.topic != moved.topic
    assert airflow.asked - asked < 20  # ten of them for a thousand tasks


def test_what_runs_of_other_dags_is_no_news_of_this_one(api: AirflowApi, airflow: PretendedAirflow) -> None:
    """Else a DAG that nothing of is started would not be heard of for as long as others are."""
    waiting = task("scheduled", pool="default_pool")
    airflow.lists["task_instances"] = [waiting, task("running", dag_id="theirs")]
    (trouble,) = stuck_tasks(api)
    airflow.lists["task_instances"] = [waiting, task("running", dag_id="theirs", dag_run_id="r2")]
    (still,) = stuck_tasks(api)

    assert trouble.topic == still.topic
    assert "theirs.transform, running" in dict(trouble.sections)["What holds it up"]


@pytest.mark.parametrize("room", [{"pool": "default_pool"}, {"pool": "default_pool", "pool_slots": 5}])
def test_a_pool_with_room_holds_nobody_up(api: AirflowApi, airflow: PretendedAirflow, room: dict[str, Any]) -> None:
    airflow.lists["task_instances"] = [task("scheduled", **room)]

    (trouble,) = stuck_tasks(api)

    assert "The pool has room" in dict(trouble.sections)["What holds it up"]


def test_a_pool_without_limit_is_never_full(api: AirflowApi, airflow: PretendedAirflow) -> None:
    airflow.lists["pools"] = [pool("warehouse", slots=-1, open_slots=-1)]
    airflow.lists["task_instances"] = [task("running"), task("scheduled", dag_run_id="r2")]

    (trouble,) = stuck_tasks(api)

    assert trouble.topic.startswith("scheduled core ")


def test_where_nothing_waits_nothing_is_stuck(api: AirflowApi, airflow: PretendedAirflow) -> None:
    airflow.lists["task_instances"] = [task("running"), task("failed")]

    assert stuck_tasks(api) == []
