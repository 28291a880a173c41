"""The sentinel, as a process of its own: what could not be sent arrives once the mail server is back, and only once."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from mail_catcher import MailCatcher, catching_mail
from watching import PATIENCE_S, wait_for, watched

from pipeline.alerts import delivery, sentinel
from pipeline.alerts.alert import Alert
from pipeline.alerts.liveness import last_look, lives
from pipeline.alerts.outbox import Outbox
from pipeline.alerts.outbox_entries import WINDOW
from pipeline.alerts.routing import Routing
from pipeline.alerts.troubles import topics
from pipeline.settings import Settings

BY_MAIL = Routing.to(["mail"])
LONG_AGO = datetime(2025, 1, 4, tzinfo=UTC)


def alert(key: str) -> Alert:
    return Alert(key, "dag.task", f"FAILED {key}", datetime.now(UTC), (), (("Error", "text"),))


@contextmanager
def watching(data: Path, smtp_url: str, **others: str) -> Iterator[subprocess.Popen[bytes]]:
    environment = {**os.environ, "TILLROLL_DATA_DIR": str(data), "TILLROLL_SMTP_URL": smtp_url, **others}
    process = subprocess.Popen([sys.executable, "-m", "pipeline.airflow_support.sentinel"], env=environment)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def subjects(mail: MailCatcher) -> list[str]:
    return sorted(str(message["Subject"]) for message in mail.messages)


@pytest.mark.slow
def test_two_sentinels_send_everything_once(tmp_path: Path) -> None:
    outbox = Outbox.of(tmp_path)
    with catching_mail() as mail, watching(tmp_path, mail.url), watching(tmp_path, mail.url):
        for number in range(20):  # long ago: what comes within a minute would wait for its end
            outbox.record(alert(f"a{number:02}"), "callback", BY_MAIL, LONG_AGO + number * WINDOW)
        wait_for(lambda: all(entry.delivered for entry in outbox.entries()))

    texts = [message.get_body(("plain",)).get_content() for message in mail.messages]  # type: ignore[union-attr]
    assert [sum(f"FAILED a{number:02}" in text for text in texts) for number in range(20)] == [1] * 20


@pytest.mark.slow
def test_what_was_recorded_while_no_sentinel_lived_is_sent_by_the_next(tmp_path: Path) -> None:
    outbox = Outbox.of(tmp_path)
    with catching_mail() as mail:
        with watching(tmp_path, mail.url) as process:
            wait_for(lambda: lives(Settings(data_dir=tmp_path)))
            process.send_signal(signal.SIGKILL)
            process.wait()
        outbox.record(alert("a1"), "callback", BY_MAIL)
        with watching(tmp_path, mail.url):
            wait_for(lambda: outbox.entries()[0].delivered)

    assert subjects(mail) == ["[Tillroll] FAILED a1"]


@pytest.mark.slow
def test_a_sentinel_that_is_told_to_stop_ends(tmp_path: Path) -> None:
    with catching_mail() as mail, watching(tmp_path, mail.url) as process:
        wait_for(lambda: lives(Settings(data_dir=tmp_path)))
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


@pytest.mark.slow
def test_a_wrong_setting_keeps_no_sentinel_from_watching(tmp_path: Path) -> None:
    with catching_mail() as mail, watching(tmp_path, mail.url, TILLROLL_WORKERS="abc"):
        wait_for(lambda: lives(Settings(data_dir=tmp_path)))
        wait_for(lambda: "settings" in topics(Outbox.of(tmp_path), "settings"))


@pytest.fixture
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "FIRST_PAUSE", timedelta(milliseconds=50))
    monkeypatch.setattr(delivery, "LONGEST_PAUSE", timedelta(milliseconds=200))


@pytest.mark.usefixtures("quick_retries")
def test_mail_that_a_server_refuses_arrives_once_it_takes_mail_again(tmp_path: Path) -> None:
    outbox = Outbox.of(tmp_path)
    outbox.record(alert("a1"), "callback", BY_MAIL)
    with catching_mail(answer="451 try later") as mail:
        settings = Settings(data_dir=tmp_path, smtp_url=mail.url)
        with watched(settings):
            wait_for(lambda: outbox.entries()[0].deliveries[0].tries >= 3)
            mail.answer = "250 OK"
            wait_for(lambda: outbox.entries()[0].delivered)

    assert len(mail.messages) >= 3
    assert len({message["Message-ID"] for message in mail.messages}) == 1
    assert outbox.entries()[0].deliveries[0].error == ""


@pytest.mark.usefixtures("quick_retries")
def test_a_server_that_is_away_is_asked_until_it_is_back(tmp_path: Path) -> None:
    outbox = Outbox.of(tmp_path)
    outbox.record(alert("a1"), "callback", BY_MAIL)
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        settings = Settings(data_dir=tmp_path, smtp_url=f"smtp://127.0.0.1:{reserved.getsockname()[1]}")
        with watched(settings):
            wait_for(lambda: "cannot be reached" in outbox.entries()[0].deliveries[0].error)
    with catching_mail() as mail, watched(Settings(data_dir=tmp_path, smtp_url=mail.url)):
        wait_for(lambda: outbox.entries()[0].delivered)

    assert subjects(mail) == ["[Tillroll] FAILED a1"]


def test_a_sentinel_whose_looks_hang_is_not_said_to_live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sentinel, "LONGEST_LOOK_S", 0.0)
    hanging = threading.Event()
    settings = Settings(data_dir=tmp_path, smtp_url="smtp://127.0.0.1:1")
    outbox = Outbox.of(tmp_path)
    outbox.record(alert("a1"), "callback", BY_MAIL)
    try:
        with watched(settings, {"hangs": lambda *_: hanging.wait(PATIENCE_S)}):
            wait_for(lambda: outbox.entries()[0].deliveries[0].error)
            assert last_look(settings) is None
            hanging.set()
    finally:
        hanging.set()


def test_an_outbox_that_cannot_be_used_does_not_end_the_sentinel(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "alerts").write_text("a file where the folder should be")
    settings = Settings(data_dir=tmp_path, smtp_url="smtp://127.0.0.1:1")
    with watched(settings):
        wait_for(lambda: "alerts" in caplog.text)
        (tmp_path / "alerts").unlink()
        wait_for(lambda: last_look(settings))


def test_a_look_that_stumbles_keeps_no_other_from_looking(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    looked = threading.Event()

    def stumble(*_: object) -> None:
        raise ValueError("what nobody thought of")

    settings = Settings(data_dir=tmp_path, smtp_url="smtp://127.0.0.1:1")
    with watched(settings, {"first": stumble, "second": lambda *_: looked.set()}):
        assert looked.wait(PATIENCE_S)
        wait_for(lambda: lives(settings))
        time.sleep(0.5)

    assert caplog.text.count("first: ValueError: what nobody thought of") == 1
