"""The failure callback, without Airflow: a mail arrives, and no trouble with mail becomes trouble for the task."""

import logging
import socket
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from mail_catcher import catching_mail

from pipeline.airflow_support import callbacks
from pipeline.airflow_support.callbacks import alert_failure
from pipeline.alerts import outbox_tables
from pipeline.alerts.outbox import Outbox
from pipeline.errors import DataError

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _own_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TILLROLL_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("TILLROLL_SOURCE_URL", "postgresql://shop:s3cr3t-of-the-shop@db/shop")


@pytest.fixture
def context() -> dict[str, Any]:
    ti = SimpleNamespace(
        dag_id="gcs_to_bq_staging",
        task_id="publish",
        run_id="r",
        try_number=1,
        start_date=datetime.now(UTC),
        end_date=None,
        log_url="http://127.0.0.1:8080/log",
    )
    return {"ti": ti, "partition_key": "2025-01-03", "exception": DataError("the password s3cr3t-of-the-shop is wrong")}


def test_one_mail_without_the_source_password(context: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    with catching_mail() as inbox:
        monkeypatch.setenv("TILLROLL_SMTP_URL", inbox.url)
        monkeypatch.setenv("TILLROLL_ALERT_TO", "a@example.org, b@example.org")
        alert_failure(context)
    (raw,) = inbox.raw
    assert b"the password *** is wrong" in raw
    assert b"s3cr3t-of-the-shop" not in raw
    assert inbox.messages[0]["To"] == "a@example.org, b@example.org"


def test_a_server_that_is_down_is_logged(
    context: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(socket.socket()) as reserved:
        reserved.bind(("127.0.0.1", 0))
        monkeypatch.setenv("TILLROLL_SMTP_URL", f"smtp://mailer:hunter2@127.0.0.1:{reserved.getsockname()[1]}")
        alert_failure(context)
    assert "kept in the outbox" in caplog.text
    assert "cannot be reached" in caplog.text
    assert "hunter2" not in caplog.text
    (entry,) = Outbox.of(tmp_path).entries()
    assert "cannot be reached" in entry.deliveries[0].error


def test_a_failure_that_is_reported_twice_is_mailed_once(
    context: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with catching_mail() as inbox:
        monkeypatch.setenv("TILLROLL_SMTP_URL", inbox.url)
        alert_failure(context)
        alert_failure(context)
    assert len(inbox.messages) == 1


def test_a_failure_is_mailed_without_an_outbox_where_there_can_be_none(
    context: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "alerts").write_text("a file where the folder should be")
    with catching_mail() as inbox:
        monkeypatch.setenv("TILLROLL_SMTP_URL", inbox.url)
        alert_failure(context)
    assert len(inbox.messages) == 1
    assert "the outbox cannot be used" in caplog.text


def test_the_rules_say_who_hears_of_it_and_a_mistake_in_them_costs_no_mail(
    context: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rules = tmp_path / "alerts.yml"
    monkeypatch.setenv("TILLROLL_ALERTS", str(rules))
    context["dag"] = SimpleNamespace(doc_md="", tags=["warehouse"])
    with catching_mail() as inbox:
        monkeypatch.setenv("TILLROLL_SMTP_URL", inbox.url)
        rules.write_text("routes: [{name: a, tag: warehouse, to: anna@example.org}]")
        alert_failure(context)
        assert "everything goes to everybody" not in caplog.text
        rules.write_text("routes: [{name: a, tag: warehouse, to: nobody}]")
        context["ti"].run_id = "another"
        (tmp_path / "alerts").rename(tmp_path / "before")  # else the second one waits for others of its minute
        alert_failure(context)

    assert [message["To"] for message in inbox.messages] == ["anna@example.org", "data-team@localhost"]
    assert "everything goes to everybody" in caplog.text


def test_a_failure_that_finds_the_outbox_busy_is_left_to_the_sentinel(
    context: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(outbox_tables, "BUSY_SECONDS", 0.1)
    outbox = Outbox.of(tmp_path)
    with catching_mail() as inbox, outbox.transaction():
        monkeypatch.setenv("TILLROLL_SMTP_URL", inbox.url)
        alert_failure(context)
    assert inbox.messages == []
    assert outbox.entries() == []
    assert "the sentinel will find this failure" in caplog.text


def test_what_is_recorded_late_is_left_to_the_sentinel_whole(
    context: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(callbacks, "SENDING", 0.0)
    with catching_mail() as inbox:
        monkeypatch.setenv("TILLROLL_SMTP_URL", inbox.url)
        alert_failure(context)
    assert inbox.messages == []
    assert Outbox.of(tmp_path).claim() is not None


def test_a_server_that_never_answers_does_not_hold_the_task_up(
    context: dict[str, Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(callbacks, "PATIENCE", 0.5)
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        monkeypatch.setenv("TILLROLL_SMTP_URL", f"smtp://127.0.0.1:{silent.getsockname()[1]}")
        started = time.monotonic()
        alert_failure(context)
        assert time.monotonic() - started < 3
    assert "NO MAIL was sent" in caplog.text


@pytest.mark.parametrize("broken", [{}, {"ti": None}, {"ti": SimpleNamespace()}])
def test_a_context_like_no_other_is_logged(broken: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        alert_failure(broken)
    assert "NO MAIL was sent" in caplog.text


def test_a_mistake_in_the_mail_settings_is_logged(
    context: dict[str, Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("TILLROLL_SMTP_URL", "mail.example.org")
    alert_failure(context)
    assert "TILLROLL_SMTP_URL" in caplog.text
