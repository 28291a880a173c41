"""The `alerts` commands, as a person types them."""

import json
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from mail_catcher import catching_mail
from typer.testing import CliRunner, Result

from pipeline.alerts.alert import Alert
from pipeline.alerts.outbox import Outbox
from pipeline.alerts.routing import Routing
from pipeline.cli import alerts as _  # noqa: F401  # adds its commands to `app`
from pipeline.cli.app import app

ALERT = Alert(
    key="3f2a000000000000",
    topic="gcs_to_bq_staging.publish",
    title="FAILED gcs_to_bq_staging.publish for 2025-01-03",
    raised_at=datetime(2025, 1, 4, tzinfo=UTC),
    facts=(("DAG", "gcs_to_bq_staging"),),
    sections=(("Error", "9 rows [differ]"),),
)


@pytest.fixture
def outbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Outbox:
    monkeypatch.setenv("TILLROLL_DATA_DIR", str(tmp_path))
    outbox = Outbox.of(tmp_path)
    outbox.record(ALERT, "callback", Routing.to(["mail"]))
    return outbox


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A mail server that is not there."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        monkeypatch.setenv("TILLROLL_SMTP_URL", f"smtp://127.0.0.1:{reserved.getsockname()[1]}")
        yield


def typed(*words: str) -> Result:
    return CliRunner().invoke(app, ["alerts", *words])


@pytest.mark.usefixtures("outbox")
def test_alerts_are_listed_with_whether_they_arrived() -> None:
    listed = typed("list")

    assert "3f2a000000000000" in listed.stdout
    assert "mail: not after 0 tries" in listed.stdout
    (plain,) = json.loads(typed("list", "--json").stdout)
    assert (plain["title"], plain["recorded_by"], plain["deliveries"][0]["delivered_at"]) == (
        ALERT.title, "callback", None,
    )  # fmt: skip


@pytest.mark.usefixtures("outbox")
def test_one_alert_is_shown_in_full() -> None:
    shown = typed("show", "3f2a")

    assert shown.exit_code == 0
    assert "9 rows [differ]" in shown.stdout
    assert "not yet" in shown.stdout


@pytest.mark.usefixtures("outbox")
def test_a_key_that_names_none_is_refused() -> None:
    refused = typed("show", "beef")

    assert refused.exit_code == 2
    assert "'beef'" in refused.stderr


def test_what_waits_is_sent_when_asked(outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    claim = outbox.claim()
    assert claim is not None
    outbox.failed(claim, "it was away", datetime.now(UTC) + timedelta(minutes=30))
    with catching_mail() as mail:
        monkeypatch.setenv("TILLROLL_SMTP_URL", mail.url)
        flushed = typed("flush")

    assert (flushed.exit_code, flushed.stdout) == (0, "1 waited, 1 arrived\n")
    assert [message["Subject"] for message in mail.messages] == [f"[Tillroll] {ALERT.title}"]


@pytest.mark.usefixtures("nowhere")
def test_what_still_waits_is_said(outbox: Outbox) -> None:
    flushed = typed("flush")

    assert flushed.exit_code == 1
    assert "cannot be reached" in flushed.stdout
    assert not outbox.entries()[0].delivered


def test_an_alert_that_somebody_takes_care_of_is_listed_no_more(outbox: Outbox) -> None:
    assert "acknowledged" in typed("ack", "3f2a").stdout

    assert "There are none" in typed("list").stdout
    assert ALERT.key in typed("list", "--all").stdout
    assert outbox.entries()[0].acknowledged_at is not None


@pytest.mark.usefixtures("outbox")
def test_a_trial_reaches_people(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TILLROLL_ALERT_TO", "ops@example.org")
    with catching_mail() as mail:
        monkeypatch.setenv("TILLROLL_SMTP_URL", mail.url)
        tried = typed("test")

    assert (tried.exit_code, tried.stdout) == (0, "mail: taken for ops@example.org\n")
    assert [message["Subject"] for message in mail.messages] == ["[Tillroll] TEST: alerts reach you"]


@pytest.mark.usefixtures("nowhere")
def test_a_trial_says_why_it_did_not_arrive() -> None:
    tried = typed("test")

    assert tried.exit_code == 1
    assert "cannot be reached" in tried.stdout
