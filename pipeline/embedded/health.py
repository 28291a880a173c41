"""Is a server there? Each one is asked a real question."""

import json
import smtplib
import urllib.request
from dataclasses import dataclass
from datetime import datetime

import psycopg

from pipeline.alerts.endpoint import url_of
from pipeline.alerts.liveness import last_look, lives
from pipeline.embedded import ports
from pipeline.embedded.postgres import EmbeddedPostgres
from pipeline.embedded.urls import airflow_api_url, dashboard_url, uses_embedded_postgres
from pipeline.settings import Settings

SECONDS = 5

WEB, DATABASE, SCHEDULER, DAG_PROCESSOR = (
    "Airflow web",
    "Airflow database",
    "Airflow scheduler",
    "Airflow DAG processor",
)


@dataclass(frozen=True, slots=True)
class Health:
    """The answer of one server. `detail` says what is wrong, or what answered."""

    server: str
    ok: bool
    detail: str


def stack_health(settings: Settings, since: datetime | None = None) -> list[Health]:
    """The health of every server but those that the settings replace. For `since` see `airflow_health`."""
    postgres = [postgres_health(settings)] if uses_embedded_postgres(settings) else []
    inbox = [] if settings.smtp_url else [inbox_health(settings)]
    dashboard = [] if settings.airflow_api_url else [dashboard_health(settings)]  # in a container of its own
    return [*postgres, *inbox, sentinel_health(settings, since), *dashboard, *airflow_health(settings, since)]


def postgres_health(settings: Settings) -> Health:
    """The embedded PostgreSQL: can the shop's owner sign in?"""
    server = EmbeddedPostgres(settings)
    if not server.is_running():
        return Health("PostgreSQL", ok=False, detail="not running")
    try:
        with psycopg.connect(server.url("shop"), connect_timeout=SECONDS) as connection:
            connection.execute("select 1")
    except psycopg.Error as error:
        return Health("PostgreSQL", ok=False, detail=str(error).strip())
    return Health("PostgreSQL", ok=True, detail=f"port {server.cluster.ready_port()}")


def inbox_health(settings: Settings) -> Health:
    """The local inbox: does it greet as an SMTP server?"""
    number = ports.port(settings, "smtp")
    host = ports.address(settings, number).rpartition(":")[0].strip("[]")
    try:
        with smtplib.SMTP(host, number, timeout=SECONDS) as connection:
            connection.noop()
    except (OSError, smtplib.SMTPException) as error:
        return Health("inbox", ok=False, detail=str(error))
    return Health("inbox", ok=True, detail=f"port {number}")


def sentinel_health(settings: Settings, since: datetime | None = None) -> Health:
    """The sentinel: has it looked into the outbox lately, and after `since`?"""
    looked = last_look(settings)
    if looked is None or (since and looked < since):
        return Health("sentinel", ok=False, detail="it has not looked into the outbox yet")
    if not lives(settings):
        return Health("sentinel", ok=False, detail=f"it last looked into the outbox at {looked:%Y-%m-%d %H:%M:%S} UTC")
    return Health("sentinel", ok=True, detail="watches the outbox" + _what_it_says(settings))


def _what_it_says(settings: Settings) -> str:
    """What the sentinel's endpoint says besides; nothing where it is another container's."""
    url = url_of(settings)
    try:
        with urllib.request.urlopen(url, timeout=SECONDS) as answer:  # noqa: S310
            report = json.load(answer)
        failing = [name for name, attempt in report["attempts"].items() if attempt["error"]]
        waiting = report["waiting"].get("alerts")
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    waits = f", {waiting} alerts wait since {report['waiting']['since']:.16}" if waiting else ""
    return waits + (f", in vain for {', '.join(failing)}" if failing else "") + f", {url}"


def dashboard_health(settings: Settings) -> Health:
    """The dashboard: does it say that it is well?"""
    url = dashboard_url(settings)
    try:
        with urllib.request.urlopen(f"{url}/_stcore/health", timeout=SECONDS) as answer:  # noqa: S310
            answer.read()
    except OSError as error:
        return Health("dashboard", ok=False, detail=f"no answer from {url}: {getattr(error, 'reason', error)}")
    return Health("dashboard", ok=True, detail=url)


def airflow_health(settings: Settings, since: datetime | None = None) -> list[Health]:
    """Airflow's web server, its database, and what is known of the heartbeats of the others; of earlier ones than
    `since` it knows from processes that are gone. Each is known only where those before it answer."""
    url = airflow_api_url(settings)
    try:
        with urllib.request.urlopen(f"{url}/api/v2/monitor/health", timeout=SECONDS) as answer:  # noqa: S310
            report = json.load(answer)
        has_database = report["metadatabase"]["status"] == "healthy"
        scheduler, dag_processor = (_heartbeat(report[part], part, since) for part in ("scheduler", "dag_processor"))
    except (OSError, ValueError, KeyError, TypeError) as error:
        why = f"no answer from {url}: {getattr(error, 'reason', error)}"
        return [Health(WEB, ok=False, detail=why), *_unknown(WEB, DATABASE, SCHEDULER, DAG_PROCESSOR)]
    web = Health(WEB, ok=True, detail=url)
    if not has_database:
        why = "the web server cannot reach it"
        return [web, Health(DATABASE, ok=False, detail=why), *_unknown(DATABASE, SCHEDULER, DAG_PROCESSOR)]
    return [
        web,
        Health(DATABASE, ok=True, detail="answers"),
        Health(SCHEDULER, *scheduler),
        Health(DAG_PROCESSOR, *dag_processor),
    ]


def _unknown(silent: str, *servers: str) -> list[Health]:
    return [Health(server, ok=False, detail=f"not known while {silent} does not answer") for server in servers]


def _heartbeat(report: dict[str, str | None], part: str, since: datetime | None) -> tuple[bool, str]:
    status, latest = report["status"], report[f"latest_{part}_heartbeat"]
    if status is None or latest is None or (since and datetime.fromisoformat(latest) < since):
        return False, "no heartbeat yet"
    return status == "healthy", status
