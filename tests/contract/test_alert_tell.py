"""People hear of what a report says by real mail, once; and no trouble with alerts becomes trouble for the step."""

import socket
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from mail_catcher import MailCatcher, catching_mail
from pydantic import SecretStr

from pipeline.alerts import tell as telling
from pipeline.alerts.channels import channels_of
from pipeline.alerts.delivery import deliver
from pipeline.alerts.outbox import Outbox
from pipeline.alerts.tell import tell
from pipeline.reports import PublishReport
from pipeline.settings import Settings

REPORT = PublishReport(date(2025, 1, 3), {}, 0, {"rejected_review": 2}, 0.1)
WELL = replace(REPORT, rejected={})


@pytest.fixture
def inbox() -> Iterator[MailCatcher]:
    with catching_mail() as catcher:
        yield catcher


@pytest.fixture
def settings(tmp_path: Path, inbox: MailCatcher) -> Settings:
    return mailing(tmp_path, inbox.url)


def mailing(folder: Path, url: str) -> Settings:
    source = SecretStr("postgresql://shop:s3cr3t-of-the-shop@db/shop")
    return Settings(_env_file=None, data_dir=folder, smtp_url=SecretStr(url), source_url=source)


def send_all(settings: Settings) -> None:
    """What comes within a minute waits for its end: send it now."""
    outbox = Outbox.of(settings.data)
    outbox.hurry()
    deliver(outbox, channels_of(settings))


def test_the_same_is_mailed_once_more_when_it_has_grown_and_once_when_it_is_over(
    settings: Settings, inbox: MailCatcher
) -> None:
    for report in (REPORT, REPORT, replace(REPORT, rejected={"rejected_review": 5}), WELL, WELL):
        tell(settings, report, "gcs_to_bq_staging", ("tillroll",))
        send_all(settings)

    first, grown, over = inbox.messages
    assert [mail["Subject"] for mail in inbox.messages] == [
        "[Tillroll] REJECTED 2 rows: see staging.rejected_review",
        "[Tillroll] REJECTED 5 rows: see staging.rejected_review",
        "[Tillroll] RESOLVED REJECTED 2 rows: see staging.rejected_review",
    ]
    assert grown["In-Reply-To"] == over["In-Reply-To"] == first["Message-ID"]
    alerts = [entry.alert for entry in Outbox.of(settings.data).entries()]
    assert {(alert.dag, alert.tags, alert.severity) for alert in alerts} == {
        ("gcs_to_bq_staging", ("tillroll",), "warning")
    }


def test_a_run_without_news_leaves_no_trace(settings: Settings, inbox: MailCatcher) -> None:
    tell(settings, WELL)

    assert inbox.messages == []
    assert not Outbox.exists(settings.data)


def test_no_secret_is_mailed(settings: Settings, inbox: MailCatcher) -> None:
    tell(settings, replace(REPORT, rejected={"rejected_s3cr3t-of-the-shop": 2}))

    (raw,) = inbox.raw
    assert b"s3cr3t" not in raw
    assert b"rejected_***" in raw


def test_without_an_outbox_the_step_goes_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "alerts").write_text("a file where the folder should be")
    tell(mailing(tmp_path, "smtp://127.0.0.1:1"), REPORT)

    assert "not everybody is alerted" in caplog.text


def test_a_server_that_never_answers_holds_no_step_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(telling, "PATIENCE", 0.5)
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        began = time.monotonic()
        tell(mailing(tmp_path, f"smtp://127.0.0.1:{silent.getsockname()[1]}"), REPORT)
        assert time.monotonic() - began < 5
    assert "no answer within" in caplog.text
    (entry,) = Outbox.of(tmp_path).entries()
    assert entry.recorded_at <= datetime.now(UTC)
