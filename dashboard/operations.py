"""What Airflow and the outbox of alerts say now. That one does not answer is a state like others."""

from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from dashboard.formats import NOTHING
from pipeline.airflow_support.runs import api_of
from pipeline.alerts.outbox import Outbox
from pipeline.alerts.outbox_entries import Entry
from pipeline.errors import TillrollError
from pipeline.settings import Settings

# Of all DAGs together, and how long people wait for them.
RUNS, ALERTS, SECONDS = 25, 50, 3.0


@dataclass(frozen=True, slots=True)
class DagRun:
    """A run of a DAG. `ended` is empty while it has not."""

    dag: str
    day: str
    state: str
    ended: str


@dataclass(frozen=True, slots=True)
class OpenAlert:
    """An alert that nobody has acknowledged, about what is not over."""

    raised: str
    title: str
    delivered: str


@dataclass(frozen=True, slots=True)
class Operations:
    """The last runs and the open alerts, newest first; or, instead of either, why they are not known.

    `is_cut`: there may be more alerts than these.
    """

    runs: tuple[DagRun, ...]
    airflow_says: str
    alerts: tuple[OpenAlert, ...]
    outbox_says: str
    is_cut: bool

    @property
    def open_alerts(self) -> str:
        """How many there are."""
        return NOTHING if self.outbox_says else f"{len(self.alerts)}{'+' if self.is_cut else ''}"

    @classmethod
    def of(cls, settings: Settings) -> "Operations":
        """Ask both. Takes a few seconds at most."""
        try:
            runs, airflow_says = _runs(settings), ""
        except TillrollError as error:
            runs, airflow_says = (), f"Airflow does not answer: {error.remedy or error.message}"
        try:
            entries, outbox_says = _entries(settings), ""
        except TillrollError as error:
            entries, outbox_says = [], f"{error.message}. {error.remedy}"
        alerts = tuple(_alert(entry) for entry in entries if entry.resolved_at is None)
        return cls(runs, airflow_says, alerts, outbox_says, len(entries) == ALERTS)


def _runs(settings: Settings) -> tuple[DagRun, ...]:
    with closing(api_of(settings, timeout=SECONDS, patience=0)) as api:
        found = api.get("/dags/~/dagRuns", limit=RUNS, order_by="-run_after")["dag_runs"]
    return tuple(_run(run) for run in found)


def _run(run: dict[str, Any]) -> DagRun:
    day = run.get("partition_key") or (run.get("logical_date") or "")[:10]
    return DagRun(run["dag_id"], str(day), run["state"], _moment(run.get("end_date")))


def _entries(settings: Settings) -> list[Entry]:
    if not Outbox.exists(settings.data):  # to look does not make one
        return []
    return Outbox.of(settings.data).entries(limit=ALERTS, open_only=True)


def _alert(entry: Entry) -> OpenAlert:
    delivered = "yes" if entry.delivered else "not yet"
    return OpenAlert(f"{entry.alert.raised_at.astimezone(UTC):%Y-%m-%d %H:%M}", entry.alert.title, delivered)


def _moment(text: str | None) -> str:
    return f"{datetime.fromisoformat(text).astimezone(UTC):%Y-%m-%d %H:%M}" if text else ""
