"""What the listener records of what it is told, and that no trouble with the outbox becomes the scheduler's."""

import logging
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.airflow_support import listener
from pipeline.airflow_support.listener import run_failed, task_failed
from pipeline.alerts.failure import failure_key, run_failure_key
from pipeline.alerts.outbox import Entry, Outbox

ENDED = datetime(2025, 1, 4, 0, 5, 0, 123456, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _own_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TILLROLL_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(listener, "_outboxes", listener._Outboxes())


@pytest.fixture
def outbox(tmp_path: Path) -> Outbox:
    return Outbox.of(tmp_path)


@pytest.fixture
def locked(outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[sqlite3.Connection]:
    """Somebody who has begun to write to the outbox, and was stopped in the middle."""
    monkeypatch.setattr(listener, "BUSY_S", 0.01)
    holder = sqlite3.connect(outbox.path, isolation_level=None)
    holder.execute("begin immediate")
    yield holder
    holder.close()


def task(**parts: Any) -> Any:
    """A task as the scheduler has it."""
    known = {
        "id": f"id of {parts.get('map_index', -1)}",
        "dag_id": "theirs",
        "task_id": "work",
        "run_id": "r",
        "try_number": 2,
        "map_index": -1,
        "state": "failed",
        "start_date": ENDED,
        "end_date": ENDED,
        "log_url": "http://127.0.0.1:8080/log",
        "task": None,
        "dag_run": SimpleNamespace(partition_key="2025-01-03", conf=None),
    }
    return SimpleNamespace(**{**known, **parts})


def run(**parts: Any) -> Any:
    dag = SimpleNamespace(doc_md="### When it fails\nWait.", tags=["theirs"])
    known = {"dag_id": "theirs", "run_id": "r 1", "start_date": ENDED, "end_date": ENDED, "dag": dag}
    return SimpleNamespace(**{**known, "partition_key": None, "conf": {"day": "2025-01-03"}, **parts})


def recorded(outbox: Outbox) -> Entry:
    (entry,) = outbox.entries()
    return entry


def test_a_task_is_recorded_under_the_key_that_everybody_gives_it(outbox: Outbox) -> None:
    task_failed(task(), "the executor lost it, password=hunter2", by_hand=False)

    entry = recorded(outbox)
    key = failure_key("theirs", "work", "r", 2, instance="id of -1")
    assert (entry.alert.key, entry.recorded_by) == (key, "listener")
    assert entry.alert.title == "FAILED theirs.work for 2025-01-03"
    assert "password=***" in dict(entry.alert.sections)["Error"]


def test_one_of_a_mapped_task_is_another_failure_than_the_next(outbox: Outbox) -> None:
    for index in (0, 1):
        task_failed(task(map_index=index), "lost", by_hand=False)

    assert sorted(entry.alert.title for entry in outbox.entries()) == [
        "FAILED theirs.work[0] for 2025-01-03",
        "FAILED theirs.work[1] for 2025-01-03",
    ]


def test_what_is_tried_again_or_set_by_hand_is_no_failure(outbox: Outbox) -> None:
    task_failed(task(state="up_for_retry"), "lost", by_hand=False)
    task_failed(task(), "set to failed", by_hand=True)
    run_failed(run(), "task_failure")

    assert outbox.entries() == []


def test_a_run_that_took_too_long_is_recorded_each_time_it_does(outbox: Outbox) -> None:
    cleared = datetime(2025, 1, 4, 0, 9, tzinfo=UTC)
    for _ in range(2):
        run_failed(run(), "timed_out")
    run_failed(run(end_date=cleared), "timed_out")

    again, first = outbox.entries()
    assert {first.alert.key, again.alert.key} == {
        run_failure_key("theirs", "r 1", ENDED), run_failure_key("theirs", "r 1", cleared),
    }  # fmt: skip
    assert first.alert.title == "FAILED theirs.(the whole run) for 2025-01-03"
    assert dict(first.alert.sections)["What to do"] == "Wait."
    assert dict(first.alert.facts)["Log"].endswith("/dags/theirs/runs/r%201")
    assert first.alert.tags == ("theirs",)


def test_a_busy_outbox_is_asked_once_and_then_left_alone(
    locked: sqlite3.Connection, outbox: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        task_failed(task(run_id="r1"), "lost", by_hand=False)
        locked.execute("rollback")
        task_failed(task(run_id="r2"), "lost", by_hand=False)

    assert caplog.text.count("the sentinel finds it") == 1
    assert outbox.entries() == []


def test_a_folder_that_cannot_be_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "alerts").write_text("a file where the folder should be")
    task_failed(task(), "lost", by_hand=False)

    assert "the sentinel finds it" in caplog.text


def test_a_task_like_no_other_is_logged_and_the_next_is_recorded(
    outbox: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    task_failed(SimpleNamespace(state="failed"), "lost", by_hand=False)
    task_failed(task(), "lost", by_hand=False)

    assert "the sentinel finds it" in caplog.text
    assert recorded(outbox).alert.dag == "theirs"
