"""The `alerts` commands, as a person types them."""

import json
import re
import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from mail_catcher import catching_mail
from pydantic import SecretStr
from typer.testing import CliRunner, Result

from pipeline.alerts.alert import Alert
from pipeline.alerts.channels import channels_of
from pipeline.alerts.delivery import deliver
from pipeline.alerts.outbox import Outbox
from pipeline.alerts.routing import Routing
from pipeline.alerts.routing_file import load_routing
from pipeline.cli import alerts_trial as _  # noqa: F401  # adds its command, and those of `alerts`, to `app`
from pipeline.cli.app import app
from pipeline.settings import Settings

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


def test_what_is_over_is_listed_as_such(outbox: Outbox) -> None:
    over = replace(ALERT, key="6c", title="RESOLVED", follows=ALERT.key, is_over=True)
    outbox.record(over, "recoveries", Routing.to(["mail"]))

    assert "2025-01-04 00:00" in typed("list").stdout
    ends = {entry["key"]: entry["resolved_at"] for entry in json.loads(typed("list", "--json").stdout)}
    assert ends[ALERT.key] == ALERT.raised_at.isoformat()


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


@pytest.fixture
def rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of rules: the warehouse's alerts go to Anna, and at any time there are quiet hours."""
    file = tmp_path / "alerts.yml"
    hour = datetime.now(UTC).hour
    file.write_text(
        f"""
        routes: [{{name: warehouse, tag: warehouse, to: [anna@example.org, bob@example.org]}}]
        severities: [{{topic: disk, severity: warning}}]
        quiet_hours: [{{from: '{hour - 1 if hour else 23:02}:00', to: '{(hour + 2) % 24:02}:00', topic: disk}}]
        """
    )
    monkeypatch.setenv("TILLROLL_ALERTS", str(file))
    monkeypatch.setenv("TILLROLL_ALERT_TO", "ops@example.org")
    return file


@pytest.mark.usefixtures("outbox", "rules")
def test_a_trial_says_who_hears_of_what(monkeypatch: pytest.MonkeyPatch) -> None:
    with catching_mail() as mail:
        monkeypatch.setenv("TILLROLL_SMTP_URL", mail.url)
        everybody, of_a_tag, of_a_disk = (
            typed("test"),
            typed("test", "--tag", "warehouse"),
            typed("test", "--topic", "disk"),
        )
        of_a_route, of_none = typed("test", "--route", "warehouse"), typed("test", "--route", "lake")

    to_anna = "mail (route warehouse): taken for anna@example.org, bob@example.org\n"
    assert everybody.stdout == f"mail: taken for ops@example.org\n{to_anna}"
    assert of_a_tag.stdout == f"severity: error\n{to_anna}"
    assert of_a_route.stdout == to_anna
    assert re.fullmatch(
        r"severity: warning; but for this test, it would wait until [-\d]+ \d\d:00 UTC\nmail: taken for .*\n",
        of_a_disk.stdout,
    )
    assert (of_none.exit_code, "'lake'" in of_none.stderr) == (2, True)
    assert len(mail.messages) == 5


@pytest.mark.usefixtures("outbox", "rules")
def test_a_trial_says_whom_the_server_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    with catching_mail() as mail:
        mail.refused["bob@example.org"] = "550 no such user"
        monkeypatch.setenv("TILLROLL_SMTP_URL", mail.url)
        tried = typed("test", "--route", "warehouse")

    assert tried.exit_code == 1
    assert "mail (route warehouse): but not for bob@example.org: 550 no such user" in tried.stdout


@pytest.mark.usefixtures("outbox")
def test_a_trial_names_what_is_wrong_with_the_rules(rules: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rules.write_text("routes: [{name: nobody}]")
    with catching_mail() as mail:
        monkeypatch.setenv("TILLROLL_SMTP_URL", mail.url)
        tried = typed("test")

    assert tried.exit_code == 1
    assert "routes, number 1 (nobody)" in tried.stdout
    assert "mail: taken for ops@example.org" in tried.stdout


def test_what_waits_and_what_was_refused_is_said(outbox: Outbox, rules: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    routing = load_routing(Settings(), ["mail"])
    outbox.record(replace(ALERT, key="4a", topic="disk"), "sentinel", routing)
    outbox.record(replace(ALERT, key="5b", tags=("warehouse",)), "callback", routing)
    with catching_mail() as mail:
        mail.refused["bob@example.org"] = "550 no such user"
        deliver(outbox, channels_of(Settings(smtp_url=SecretStr(mail.url))))

    entries = {entry["key"]: entry for entry in json.loads(typed("list", "--json").stdout)}
    assert (entries["4a"]["severity"], entries["5b"]["tags"]) == ("warning", ["warehouse"])
    assert "waits until" in typed("show", "4a").stdout
    shown = typed("show", "5b").stdout
    assert "refused for good" in shown
    assert "550 no such user" in shown
