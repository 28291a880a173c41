"""Airflow's database goes away and comes back: one alert, and one that it is over, however often the sentinel dies."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from mail_catcher import catching_mail
from pretended_airflow import pretended_airflow
from watching import wait_for

from pipeline.alerts.liveness import last_look
from pipeline.alerts.outbox import Outbox
from pipeline.embedded.health import airflow_health
from pipeline.settings import Settings

pytestmark = pytest.mark.slow

# The sentinel as it is started, but for its patience: it looks ten times a second.
IN_A_HURRY = """
import threading
from datetime import timedelta

from pipeline.airflow_support import sentinel, starting
from pipeline.alerts.sentinel import watch
from pipeline.settings import Settings

down = starting.servers_down
starting.servers_down = lambda servers, patience=timedelta(seconds=1): down(servers, patience)
settings = Settings.load()
watch(settings, threading.Event(), sentinel.looks_of(settings), deliver_every_s=0.1, look_every_s=0.1)
"""
DOWN = "DOWN Airflow database"


@contextmanager
def hurried_sentinel(settings: Settings, smtp_url: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process of its own, which is killed at the end of the context, in the middle of whatever it does."""
    variables = {
        "TILLROLL_DATA_DIR": str(settings.data),
        "TILLROLL_AIRFLOW_API_URL": str(settings.airflow_api_url),
        "TILLROLL_AIRFLOW_PORT": "8080",
        "TILLROLL_SMTP_URL": smtp_url,
    }
    process = subprocess.Popen([sys.executable, "-c", IN_A_HURRY], env={**os.environ, **variables})
    try:
        yield process
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def titles(outbox: Outbox) -> list[str]:
    return [entry.alert.title for entry in reversed(outbox.entries())]


def test_one_alert_and_one_that_it_is_over_though_the_sentinel_is_killed_in_between(tmp_path: Path) -> None:
    with pretended_airflow() as airflow, catching_mail(answer="451 try later") as mail:
        settings = Settings(data_dir=tmp_path, airflow_port=8080, airflow_api_url=airflow.url)
        outbox = Outbox.of(tmp_path)
        with hurried_sentinel(settings, mail.url):  # killed before it has lasted long enough
            wait_for(lambda: airflow.logins and last_look(settings))
            airflow.healthy = False
            assert [server.server for server in airflow_health(settings) if server.ok] == ["Airflow web"]
        with hurried_sentinel(settings, mail.url):  # killed while it tries to send
            wait_for(lambda: mail.messages)
        airflow.healthy, mail.answer = True, "250 OK"
        with hurried_sentinel(settings, mail.url):  # killed when it is over
            wait_for(lambda: len(titles(outbox)) > 1)
        seen = last_look(settings)
        with hurried_sentinel(settings, mail.url):
            wait_for(lambda: last_look(settings) != seen)

        assert titles(outbox) == [DOWN, f"RESOLVED {DOWN}"]
        assert len({message["Message-ID"] for message in mail.messages}) == 1
