"""Where failures are provoked: a Tillroll of its own with real servers, DAGs that fail, and people who get mail."""

import json
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from benchmarks.alerts.mail_server import MailServer
from benchmarks.alerts.webhook import Webhook
from pipeline.airflow_support.api import AirflowApi, ApiError
from pipeline.airflow_support.runs import api_of
from pipeline.alerts.outbox import Outbox
from pipeline.alerts.outbox_entries import WINDOW
from pipeline.embedded.manager import Manager
from pipeline.errors import TransientError
from pipeline.settings import ROOT, Settings

sys.path.insert(0, str(ROOT / "tests" / "e2e"))

from installation import Installation, installed

# Somebody waits so long for what has to come within two minutes: a machine may be busy with other things.
PATIENCE_S = 400.0
ENDED = frozenset({"success", "failed", "skipped", "upstream_failed"})
T = TypeVar("T")

PEOPLE = ("people@example.org", "others@example.org")


@dataclass(frozen=True, eq=False)
class Site:
    """An installation that runs, and what it sends to people."""

    installation: Installation
    mail: MailServer
    webhook: Webhook
    fresh_at: datetime

    @property
    def settings(self) -> Settings:
        return self.installation.settings

    @property
    def trials(self) -> Path:
        """The folder with DAG files beside the five."""
        return self.installation.folder / "trials"

    @property
    def manager(self) -> Manager:
        return Manager(self.settings)

    @cached_property
    def _api(self) -> AirflowApi:
        """Airflow, asked once each time: it may be down."""
        return api_of(self.settings, patience=0.0)

    def start(self, dag: str, day: str, *, partition_key: str | None = None) -> str:
        """Start a run of a DAG, once Airflow knows it. Returns the run's id."""
        self._answer(f"Airflow knows {dag}", f"/dags/{dag}", bool)
        body = {"logical_date": None, "conf": {"day": day}, "partition_key": partition_key}
        return str(self._api.post(f"/dags/{dag}/dagRuns", body)["dag_run_id"])

    def task(self, dag: str, run: str, states: Collection[str], task: str = "work") -> dict[str, Any]:
        """The task, as Airflow tells of it, once it is in one of these states."""
        path = f"/dags/{dag}/dagRuns/{quote(run)}/taskInstances/{task}"
        return self._answer(f"{dag}.{task} is {' or '.join(sorted(states))}", path, lambda it: it["state"] in states)

    def run(self, dag: str, run: str) -> dict[str, Any]:
        """The run, once it has ended."""
        path = f"/dags/{dag}/dagRuns/{quote(run)}"
        return self._answer(f"a run of {dag} has ended", path, lambda it: it["state"] in ENDED)

    def _answer(self, what: str, path: str, is_good: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """What Airflow says, once it does and that is good: it may be down, or not know it yet."""

        def ask() -> dict[str, Any] | None:
            with suppress(TransientError, ApiError):
                answer: dict[str, Any] = self._api.get(path)
                return answer if is_good(answer) else None
            return None

        return wait_for(what, ask)

    def wait_until_alone(self) -> None:
        """Wait until an alert would go at once: one that comes within a minute of another waits for its end."""
        entries = Outbox.of(self.settings.data).entries(limit=1)
        while entries and datetime.now(UTC) <= entries[0].recorded_at + WINDOW + timedelta(seconds=1):
            time.sleep(1)
            entries = Outbox.of(self.settings.data).entries(limit=1)


def wait_for(what: str, found: Callable[[], T | None], patience_s: float = PATIENCE_S) -> T:
    """What `found` returns, once that is something. Raises TimeoutError."""
    deadline = time.monotonic() + patience_s
    while not (it := found()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"it never came to be that {what}")
        time.sleep(1)
    return it


@contextmanager
def open_site(folder: Path, fresh_in: timedelta) -> Iterator[Site]:
    """A site whose day is late after `fresh_in`: nothing is ever scheduled there."""
    (folder / "trials").mkdir(parents=True)
    (folder / "trials" / "trials.py").write_text((Path(__file__).parent / "trials.py").read_text())
    mail, webhook, fresh_at = MailServer(), Webhook(), datetime.now(UTC) + fresh_in
    mail.start()
    webhook.start()
    try:
        with installed(folder, _variables(folder, mail, webhook, fresh_at)) as installation:
            yield Site(installation, mail, webhook, fresh_at)
    finally:
        webhook.stop()
        mail.stop()


def _variables(folder: Path, mail: MailServer, webhook: Webhook, fresh_at: datetime) -> Mapping[str, str]:
    return {
        "TILLROLL_SMTP_URL": mail.url,
        "TILLROLL_ALERT_URLS": webhook.url,
        "TILLROLL_ALERT_TO": ",".join(PEOPLE),
        "TILLROLL_FRESH_BY": f"{fresh_at:%H:%M:%S}",
        "TILLROLL_SCHEDULE_FROM": (fresh_at.date() - timedelta(days=1)).isoformat(),
        "AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "False",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "15",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "5",
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(
            [_bundle("dags-folder", ROOT / "airflow" / "dags"), _bundle("trials", folder / "trials")]
        ),
    }


def _bundle(name: str, path: Path) -> dict[str, object]:
    kind = "airflow.dag_processing.bundles.local.LocalDagBundle"
    return {"name": name, "classpath": kind, "kwargs": {"path": str(path), "refresh_interval": 5}}
