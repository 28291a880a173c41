"""People hear of a server that goes down after a minute, and of one that does not come up after five."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pipeline.airflow_support.starting import STARTING_FOR, servers_watch
from pipeline.alerts.alert import Alert
from pipeline.alerts.liveness import say_alive
from pipeline.alerts.outbox import Outbox
from pipeline.alerts.routing import Routing
from pipeline.alerts.troubles import note
from pipeline.embedded.health import Health
from pipeline.settings import Settings

NOW = datetime(2025, 1, 4, tzinfo=UTC)
UP, SILENT = Health("Airflow web", ok=True, detail=""), Health("Airflow web", ok=False, detail="no answer")


class Watched:
    """A server that is looked at every ten seconds by one sentinel after another."""

    def __init__(self, folder: Path) -> None:
        self.settings, self.outbox, self.now = Settings(data_dir=folder), Outbox.of(folder), NOW
        self.new_sentinel()

    def new_sentinel(self) -> None:
        self.down = servers_watch(self.settings)

    def looked_at(self, server: Health, seconds: float) -> list[Alert]:
        """The alerts that looks at a server that stays so for this long lead to."""
        found, end = [], self.now + timedelta(seconds=seconds)
        while self.now < end:
            self.now += timedelta(seconds=10)
            found += note(self.outbox, "web", self.down([server]), Routing.to(["mail"]), self.now)
        return found


def test_a_server_that_takes_minutes_to_start_is_no_news(tmp_path: Path) -> None:
    web = Watched(tmp_path)
    assert web.looked_at(SILENT, STARTING_FOR.total_seconds()) == []
    assert web.looked_at(UP, 60) == []


def test_a_server_that_does_not_come_up_is(tmp_path: Path) -> None:
    web = Watched(tmp_path)
    assert [alert.title for alert in web.looked_at(SILENT, STARTING_FOR.total_seconds() + 10)] == ["DOWN Airflow web"]


def test_a_server_that_has_answered_is_down_after_a_minute(tmp_path: Path) -> None:
    web = Watched(tmp_path)
    web.looked_at(UP, 10)
    assert web.looked_at(SILENT, 60) == []
    assert [alert.title for alert in web.looked_at(SILENT, 10)] == ["DOWN Airflow web"]


def test_a_killed_sentinels_heir_has_no_more_patience(tmp_path: Path) -> None:
    web = Watched(tmp_path)
    web.looked_at(UP, 10)
    web.looked_at(SILENT, 30)
    say_alive(web.settings)
    web.new_sentinel()
    assert [alert.title for alert in web.looked_at(SILENT, 40)] == ["DOWN Airflow web"]


def test_what_was_watched_long_ago_may_be_starting(tmp_path: Path) -> None:
    web = Watched(tmp_path)
    say_alive(web.settings)
    long_ago = datetime.now(UTC).timestamp() - 600
    os.utime(next((tmp_path / "alerts").glob("*.alive")), (long_ago, long_ago))
    web.new_sentinel()
    assert web.looked_at(SILENT, 120) == []
