"""Channels besides mail: a real webhook takes the alert, its trouble is no other channel's, and no token is shown."""

import json
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from mail_catcher import catching_mail
from pydantic import SecretStr

from pipeline.alerts import heartbeat
from pipeline.alerts.alert import Alert
from pipeline.alerts.apprise_channel import LONGEST_TEXT, short_text
from pipeline.alerts.channels import Channels, channels_of, usable_channels
from pipeline.alerts.delivery import deliver, send_unkept
from pipeline.alerts.digest import digest
from pipeline.alerts.heartbeat import Heartbeat
from pipeline.alerts.liveness import SILENT_S, say_alive
from pipeline.alerts.masking import mask, secrets_of
from pipeline.alerts.outbox import Outbox
from pipeline.alerts.routing import Routing
from pipeline.alerts.smtp import Refusal
from pipeline.alerts.troubles import Trouble, note
from pipeline.errors import ConfigurationError, TransientError
from pipeline.settings import Settings

TOKEN = "A0B1C2D3E4F5G6H7"  # noqa: S105  # no secret
ALERT = Alert(
    key="a1",
    topic="dag.task",
    title="FAILED dag.task for 2025-01-03",
    raised_at=datetime(2025, 1, 4, tzinfo=UTC),
    facts=(("DAG", "dag"), ("Log", "http://127.0.0.1/log")),
    sections=(("Error", "9 rows <differ>"), ("What to do", "Run it again."), ("Traceback", "line 7")),
)


class Hook:
    """A web server that answers `status`; `taken` is what was posted, `asked` how often somebody asked."""

    def __init__(self) -> None:
        self.status = 200
        self.port = 0
        self.asked = 0
        self.taken: list[dict[str, Any]] = []

    @property
    def url(self) -> str:
        return f"json://127.0.0.1:{self.port}/hooks/{TOKEN}"

    @property
    def web(self) -> str:
        return f"http://127.0.0.1:{self.port}/{TOKEN}"


@contextmanager
def listening() -> Iterator[Hook]:
    hook = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            hook.asked += 1
            self.send_response(hook.status)
            self.end_headers()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if hook.status == 200:
                hook.taken.append(json.loads(body))
            self.send_response(hook.status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Keep the tests' output clean."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        hook.port = server.server_port
        thread = Thread(target=server.serve_forever, args=[0.02], daemon=True)
        thread.start()
        yield hook
        server.shutdown()
        thread.join()


def settings(folder: Path, urls: str, smtp: str = "smtp://127.0.0.1:1") -> Settings:
    return Settings(_env_file=None, data_dir=folder, alert_urls=SecretStr(urls), smtp_url=SecretStr(smtp))


def test_each_channel_takes_the_alert_and_one_that_fails_keeps_no_other(tmp_path: Path) -> None:
    outbox = Outbox.of(tmp_path)
    with listening() as first, listening() as second, catching_mail() as mail:
        second.status = 503
        channels = channels_of(settings(tmp_path, f"{first.url} {second.url}", mail.url))
        outbox.record(ALERT, "callback", Routing.to(channels))
        delivered = deliver(outbox, channels)

    assert [message["Subject"] for message in mail.messages] == [f"[Tillroll] {ALERT.title}"]
    assert [(taken["title"], taken["message"].splitlines()[0]) for taken in first.taken] == [
        (f"[Tillroll] {ALERT.title}", "DAG: dag")
    ]
    assert first.taken[0]["type"] == "failure"
    assert delivered.arrived == 2
    ways = {way.channel: way.delivered_at is not None for way in outbox.entries()[0].deliveries}
    assert ways == {"mail": True, "json": True, "json-2": False}
    assert "503" in delivered.errors[0]
    assert TOKEN not in delivered.errors[0]


def test_what_no_channel_is_meant_by_is_refused_without_being_shown(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="'slakc'") as refused:
        channels_of(settings(tmp_path, f"slakc://{TOKEN}"))
    assert TOKEN not in str(refused.value)


@pytest.fixture
def root_log() -> Iterator[StringIO]:
    """What reaches the root's log. Pytest's own also hears those who keep their log from there."""
    handler, root = logging.StreamHandler(StringIO()), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield handler.stream
    root.removeHandler(handler)
    root.setLevel(level)


@pytest.mark.parametrize("url", ["slack//{}", "{}:foo", "{}", "slack:/{}", "slack://{}/incomplete"])
def test_no_token_of_a_mistyped_url_is_shown_anywhere(
    url: str, tmp_path: Path, root_log: StringIO, capfd: pytest.CaptureFixture[str]
) -> None:
    wrong = settings(tmp_path, f"json://127.0.0.1:1 {url.format(TOKEN)}")
    with pytest.raises(ConfigurationError, match=r"begins with ('slack'|no scheme: it is the 2\.)") as refused:
        channels_of(wrong)
    usable_channels(wrong)

    assert "only mail is sent" in root_log.getvalue()
    assert TOKEN.lower() not in f"{refused.value}{root_log.getvalue()}{''.join(capfd.readouterr())}".lower()


class Repeats:
    """A channel whose server repeats what it was sent."""

    name = reaches = "repeats"

    def send(self, alert: Alert) -> tuple[Refusal, ...]:
        raise TransientError(f"cannot post {alert.key} to /hooks/{TOKEN}")


def test_no_token_is_in_what_a_channel_died_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    outbox, routing = Outbox.of(tmp_path), Routing.to(["repeats"])
    channels = Channels(settings(tmp_path, f"json://127.0.0.1:1/hooks/{TOKEN}"), [Repeats()])
    outbox.record(ALERT, "callback", routing)

    assert deliver(outbox, channels).errors == ("cannot post a1 to /hooks/***",)
    with pytest.raises(TransientError, match="nobody has taken it") as nobody:
        send_unkept(ALERT, routing, channels)
    assert TOKEN not in f"{nobody.value}{caplog.text}{outbox.entries()}"


def test_a_wrong_channel_does_not_cost_the_mail(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert list(usable_channels(settings(tmp_path, "slakc://x"))) == ["mail"]
    assert "'slakc'" in caplog.text


def test_the_heartbeat_is_heard_once_a_minute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outbox = Outbox.of(tmp_path)
    with listening() as hook:
        beating = settings(tmp_path, "").model_copy(update={"heartbeat_url": SecretStr(hook.web)})
        beat = Heartbeat(beating)
        beat(outbox, Routing.to([]))
        assert hook.asked == 0  # nobody has delivered anything yet
        say_alive(beating)
        beat(outbox, Routing.to([]))
        beat(outbox, Routing.to([]))
        assert hook.asked == 1
        monkeypatch.setattr(heartbeat, "EVERY_S", 0.0)
        hook.status = 500
        with pytest.raises(TransientError, match="HTTP 500") as unheard:
            beat(outbox, Routing.to([]))
        long_ago = time.time() - SILENT_S - 1
        os.utime(tmp_path / "alerts" / "sentinel.alive", (long_ago, long_ago))
        beat(outbox, Routing.to([]))  # whoever sends the alerts stands still: nobody is told that all is well
        assert hook.asked == 2
        say_alive(beating)
    with pytest.raises(TransientError, match="ConnectError"):
        beat(outbox, Routing.to([]))
    assert TOKEN not in str(unheard.value)


def test_tokens_are_masked_in_texts(tmp_path: Path) -> None:
    secrets = secrets_of(settings(tmp_path, f"json://127.0.0.1:80/hooks/{TOKEN}"))

    assert mask(f"POST /hooks/{TOKEN} failed", secrets) == "POST /hooks/*** failed"


def test_a_channel_is_told_what_happened_and_what_to_do() -> None:
    assert short_text(ALERT).splitlines() == [
        "DAG: dag", "Log: http://127.0.0.1/log", "Severity: error", "",
        "Error", "9 rows <differ>", "", "What to do", "Run it again.",
    ]  # fmt: skip


def test_a_channel_is_told_what_the_others_of_a_digest_are() -> None:
    long = replace(ALERT, sections=(("Error", "x" * 10_000), ("What to do", "Look.")))
    text = short_text(digest([long, *(replace(ALERT, key=f"b{n}", title=f"FAILED b{n}") for n in range(50))]))

    assert "FAILED b0" in text
    assert len(text) < LONGEST_TEXT + 100


@pytest.fixture
def pager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Channels, Outbox, Hook]]:
    """PagerDuty's plugin, with a server of ours behind it."""
    from apprise.plugins import pagerduty

    with listening() as hook:
        monkeypatch.setitem(pagerduty.PAGERDUTY_API_LOOKUP, "us", f"http://127.0.0.1:{hook.port}/enqueue")
        monkeypatch.setattr(pagerduty.NotifyPagerDuty, "request_rate_per_sec", 0)
        yield channels_of(settings(tmp_path, f"pagerduty://{TOKEN}@{TOKEN}")), Outbox.of(tmp_path), hook


def test_an_incident_is_closed_when_nothing_of_its_message_lasts(pager: tuple[Channels, Outbox, Hook]) -> None:
    channels, outbox, hook = pager
    now = datetime.now(UTC) - timedelta(hours=1)
    disk, web, late = Trouble("disk", "DISK"), Trouble("web", "DOWN web"), Trouble("day", "LATE")

    def events(*troubles: Trouble, minute: int) -> list[tuple[str, str]]:
        hook.taken.clear()
        note(outbox, "looks", troubles, Routing.to(["pagerduty"]), now + timedelta(minutes=minute))
        assert deliver(outbox, channels).errors == ()
        return [(event["event_action"], event["dedup_key"]) for event in hook.taken]

    ((opened, first),) = events(disk, web, minute=0)  # one message
    ((also, second),) = events(disk, web, late, minute=5)
    assert (opened, also) == ("trigger", "trigger")
    assert first != second
    assert events(web, late, minute=10) == [("trigger", first)]  # the web server is still down
    assert sorted(events(minute=15)) == sorted([("resolve", first), ("resolve", second)])


def test_a_long_text_is_cut() -> None:
    long = Alert("k", "t", "title", ALERT.raised_at, (), (("Error", "x" * 10_000),))

    assert len(short_text(long)) == LONGEST_TEXT + len(" […]")
