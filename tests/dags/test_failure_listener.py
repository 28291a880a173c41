"""The plugin as Airflow loads it: a failure of any DAG is recorded once, whichever process Airflow tells of it."""

import json
from pathlib import Path
from typing import Any

import pytest
from dag_folder import DAGS_FOLDER, parse

from pipeline.airflow_support import listener
from pipeline.alerts.outbox import Outbox
from pipeline.alerts.outbox_tables import TROUBLES

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("airflow_database")]

LOCAL = "airflow.dag_processing.bundles.local.LocalDagBundle"
THEIRS = """
from airflow.sdk import DAG, task

with DAG("theirs", schedule=None, tags=["theirs"]):

    @task
    def work(number):
        if number:
            raise ValueError("the password=hunter2-hunter2 is wrong")

    work.expand(number=[0, 1])
"""


@pytest.fixture
def outbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Outbox:
    monkeypatch.setattr(listener, "_outboxes", listener._Outboxes())
    return Outbox.of(tmp_path / "data")


@pytest.fixture
def hooks() -> Any:
    """Airflow's own listeners, as the scheduler and the DAG processor call them."""
    from airflow.listeners.listener import get_listener_manager

    return get_listener_manager().hook


@pytest.fixture(scope="module")
def failed_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Outbox]:
    """A run of a DAG without our callback, whose mapped task failed at one of two, and the outbox of that time."""
    folder, data = tmp_path_factory.mktemp("theirs"), tmp_path_factory.mktemp("data")
    (folder / "theirs.py").write_text(THEIRS)
    bundle = {"name": "theirs", "classpath": LOCAL, "kwargs": {"path": str(folder)}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST", json.dumps([bundle]))
        patch.setenv("TILLROLL_DATA_DIR", str(data))
        patch.setattr(listener, "_outboxes", listener._Outboxes())
        run = parse(folder).dags["theirs"].test(logical_date=None, run_conf={"day": "2025-01-03"})
    return run, Outbox.of(data)


def test_a_failure_of_a_dag_without_our_callback_is_recorded_in_the_task(failed_run: tuple[Any, Outbox]) -> None:
    (entry,) = failed_run[1].entries()

    assert (entry.recorded_by, entry.alert.title) == ("listener", "FAILED theirs.work[1] for 2025-01-03")
    assert dict(entry.alert.facts)["Exception"] == "ValueError"
    assert entry.alert.tags == ("theirs",)
    sections = dict(entry.alert.sections)
    assert sections["Error"] == "the password=*** is wrong"
    assert "raise ValueError" in sections["Traceback, its last lines"]
    assert "hunter2" not in entry.alert.to_json()


def test_what_the_scheduler_finds_of_the_same_failure_has_the_same_key(
    failed_run: tuple[Any, Outbox], outbox: Outbox
) -> None:
    """As after a heartbeat that never came: Airflow's own row of the task, and what Airflow makes of it."""
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session

    with create_session() as session:
        (ti,) = (ti for ti in failed_run[0].get_task_instances(session=session) if ti.state == "failed")
        TaskInstance.fetch_handle_failure_context(ti, "no heartbeat came", session=session)

    (entry,), (known,) = outbox.entries(), failed_run[1].entries()
    assert (entry.alert.key, entry.alert.title) == (known.alert.key, known.alert.title)
    assert dict(entry.alert.sections)["Error"] == "no heartbeat came"


def test_a_run_that_takes_too_long_is_recorded(failed_run: tuple[Any, Outbox], hooks: Any, outbox: Outbox) -> None:
    hooks.on_dag_run_failed(dag_run=failed_run[0], msg="timed_out")

    (entry,) = outbox.entries()
    assert entry.alert.title == "FAILED theirs.(the whole run) for 2025-01-03"


def test_a_file_that_does_not_parse_is_a_trouble_from_then_on(hooks: Any, outbox: Outbox) -> None:
    for _ in range(2):
        hooks.on_new_dag_import_error(filename=str(DAGS_FOLDER / "new" / "broken.py"), stacktrace="SyntaxError")

    with outbox.transaction() as connection:
        (trouble,) = connection.execute(TROUBLES.select())
    assert (trouble.watcher, trouble.topic) == ("files", "file dags-folder new/broken.py")
    assert outbox.entries() == []
