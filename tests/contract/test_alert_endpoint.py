"""The sentinel's health endpoint: it says how the sentinel is, and nobody who asks holds the sentinel up."""

import json
import socket
import threading
import urllib.error
import urllib.request
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from watching import PATIENCE_S, wait_for, watched

from pipeline.alerts import sentinel
from pipeline.alerts.alert import Alert
from pipeline.alerts.endpoint import SERVER, url_of
from pipeline.alerts.failed_looks import WATCHER
from pipeline.alerts.outbox import Outbox
from pipeline.alerts.routing import Routing
from pipeline.alerts.troubles import topics
from pipeline.embedded.health import sentinel_health
from pipeline.embedded.ports import port
from pipeline.errors import TransientError
from pipeline.settings import Settings

NOW = datetime(2025, 1, 4, 0, 5, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Nobody takes mail there."""
    return Settings(data_dir=tmp_path, smtp_url="smtp://127.0.0.1:1", source_url="postgresql://me:hunter2@db/shop")


def ask(settings: Settings, url: str = "") -> tuple[int, dict[str, Any]]:
    """The status and the document; 0 where nobody answers."""
    try:
        with urllib.request.urlopen(url or url_of(settings), timeout=PATIENCE_S) as answer:  # noqa: S310 - our own
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, json.load(refused)
    except urllib.error.URLError:
        return 0, {}


def connect(settings: Settings) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port(settings, SERVER)))


def fail(*_: object) -> None:
    raise TransientError("no answer from postgresql://me:hunter2@db/shop")


def test_it_says_how_every_look_went_and_what_waits(settings: Settings) -> None:
    alert = Alert("a1", "dag.task", "FAILED a1", NOW, (), ())
    Outbox.of(settings.data).record(alert, "callback", Routing.to(["mail", "pager"]), NOW)
    with watched(settings, {"good": lambda *_: None, "bad": fail}):
        wait_for(lambda: ask(settings)[0] == 200 and "bad" in ask(settings)[1]["attempts"])
        said, shown = ask(settings)[1], sentinel_health(settings)
        wait_for(lambda: topics(Outbox.of(settings.data), WATCHER) == ["look bad"])  # of which people hear later

    assert said["alive"] is True
    assert said["waiting"] == {"alerts": 1, "since": NOW.isoformat()}
    good, bad = said["attempts"]["good"], said["attempts"]["bad"]
    assert (good["error"], bad["succeeded_at"]) == ("", None)
    assert datetime.fromisoformat(good["succeeded_at"]) >= datetime.fromisoformat(said["since"])
    assert bad["error"] == "no answer from postgresql://me:***@db/shop"
    assert "1 alerts wait since 2025-01-04T00:05, in vain for bad" in shown.detail


def test_a_sentinel_whose_looks_hang_is_not_well(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sentinel, "LONGEST_LOOK_S", 0.0)
    with watched(settings):
        wait_for(lambda: ask(settings)[0] == 503)
        assert ask(settings)[1]["alive"] is False


def test_an_outbox_that_cannot_be_used_is_said(settings: Settings) -> None:
    settings.data.joinpath("alerts").write_text("a file where the folder should be")
    with watched(settings):
        wait_for(lambda: ask(settings)[0] == 503)
        assert "alerts" in ask(settings)[1]["waiting"]["error"]


def test_clients_that_hang_hold_nobody_up(settings: Settings) -> None:
    with watched(settings):
        wait_for(lambda: ask(settings)[0] == 200)
        with closing(connect(settings)), closing(connect(settings)) as half:
            half.sendall(b"GET /hea")
            assert ask(settings)[0] == 200


def test_there_is_nothing_else(settings: Settings) -> None:
    with watched(settings):
        wait_for(lambda: ask(settings)[0] == 200)
        assert ask(settings, url_of(settings).replace("/health", "/"))[0] == 404


def test_where_the_port_is_taken_the_sentinel_works_on_and_takes_it_once_it_is_free(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    looked = threading.Event()
    with (
        socket.create_server(("127.0.0.1", port(settings, SERVER))) as taken,
        watched(settings, {"look": lambda *_: looked.set()}),
    ):
        assert looked.wait(PATIENCE_S)
        wait_for(lambda: "health endpoint: " in caplog.text)
        taken.close()
        wait_for(lambda: "look" in ask(settings)[1].get("attempts", {}))
