"""Airflow's configuration on the laptop, as environment variables: for its servers, its own command line, and tests."""

import base64
import json
import os
import secrets
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from urllib.parse import urlsplit

from pipeline.embedded import ports
from pipeline.embedded.state import State
from pipeline.embedded.urls import airflow_api_url, airflow_database_url, airflow_url
from pipeline.errors import ConfigurationError
from pipeline.settings import ROOT, Settings

USER = "admin"

# What suits a laptop, and what anybody may set otherwise in the environment.
PREFERENCES = {
    "AIRFLOW__CORE__PARALLELISM": "4",
    "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
    "AIRFLOW__API__INSTANCE_NAME": "Tillroll",
    "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.1",
    # How long a task of a crashed scheduler counts as running; a laptop is switched off more often than a server.
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",
    "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "30",
    "AIRFLOW__LOGGING__COLORED_CONSOLE_LOG": "False",
}

GOOGLE_CONNECTION = "AIRFLOW_CONN_GOOGLE_CLOUD_DEFAULT"

# Nobody is told that this runs.
SILENCE = {
    "DO_NOT_TRACK": "1",
    "SCARF_NO_ANALYTICS": "1",
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
}


def airflow_environment(settings: Settings) -> dict[str, str]:
    """The variables that make `airflow` the one under the data folder; put them over the inherited environment.

    Contains secrets. What the user's own AIRFLOW__… variables say about preferences holds; where the database, the
    folders and the ports are, does not come from them, so that another Airflow's variables change nothing here.
    """
    return {
        **{name: os.environ.get(name, value) for name, value in PREFERENCES.items()},
        **SILENCE,
        **_places(settings),
        "TILLROLL_SCHEDULE_FROM": schedule_from(settings).isoformat(),
        **_google_connection(settings),
        **_secrets(settings),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
    }


def airflow_password(settings: Settings) -> str:
    """The password of Airflow's user `admin`; generated once."""
    return State(passwords_file(settings)).get_or_make(USER, lambda: secrets.token_urlsafe(12))


def passwords_file(settings: Settings) -> Path:
    """Where the password is kept, in the format of Airflow's simple auth manager: a JSON object of names."""
    return home(settings) / "passwords.json"


def home(settings: Settings) -> Path:
    """AIRFLOW_HOME."""
    return settings.data / "airflow"


def _google_connection(settings: Settings) -> dict[str, str]:
    """The connection that Airflow's Google hooks look for, signed in as the settings say. The user's own one holds."""
    if not settings.uses_google:
        return {}
    extra: dict[str, object] = {}
    if settings.warehouse.startswith("bigquery://"):
        extra["project"] = urlsplit(settings.warehouse).netloc
    if settings.google_anonymous:
        extra["is_anonymous"] = True
    elif settings.google_key:
        extra["key_path"] = str(settings.google_key)
    connection = json.dumps({"conn_type": "google_cloud_platform", "extra": extra})
    return {GOOGLE_CONNECTION: os.environ.get(GOOGLE_CONNECTION, connection)}


def schedule_from(settings: Settings) -> date:
    """The first day that the schedule takes: the setting, else the day of Airflow's first start, which is remembered.

    Without it, Airflow takes a first backfill for the schedule's last run, and at once runs yesterday after it.
    """
    if settings.schedule_from:
        return settings.schedule_from
    return date.fromisoformat(_schedule(settings).get_or_make("from", lambda: datetime.now(UTC).date().isoformat()))


def known_schedule_from(settings: Settings) -> date | None:
    """The same for those who start no schedule; None where none was started yet."""
    if settings.schedule_from:
        return settings.schedule_from
    kept = _schedule(settings).read().get("from")
    try:
        return date.fromisoformat(str(kept)) if kept else None
    except ValueError:
        raise ConfigurationError(
            f"{home(settings) / 'schedule.json'} holds no day: {kept!r}", "Name the day: TILLROLL_SCHEDULE_FROM."
        ) from None


def _schedule(settings: Settings) -> State:
    return State(home(settings) / "schedule.json")


def _places(settings: Settings) -> dict[str, str]:
    url = airflow_url(settings)
    return {
        "AIRFLOW_HOME": str(home(settings)),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "airflow" / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "airflow" / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__HOSTNAME_CALLABLE": "pipeline.airflow_support.component.hostname",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{airflow_api_url(settings)}/execution/",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords_file(settings)),
        "AIRFLOW__API__HOST": settings.host,
        "AIRFLOW__API__PORT": str(ports.port(settings, "airflow")),
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home(settings) / "logs"),
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(ports.port(settings, "airflow_logs")),
    }


def _secrets(settings: Settings) -> dict[str, str]:
    airflow_password(settings)  # Airflow reads it from the file
    kept = State(home(settings) / "secrets.json")
    database = airflow_database_url(settings).replace("postgresql://", "postgresql+psycopg2://", 1)
    return {
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database,
        "AIRFLOW__CORE__FERNET_KEY": kept.get_or_make("fernet_key", _fernet_key),
        "AIRFLOW__API__SECRET_KEY": kept.get_or_make("secret_key", lambda: secrets.token_hex(32)),
        "AIRFLOW__API_AUTH__JWT_SECRET": kept.get_or_make("jwt_secret", lambda: secrets.token_hex(64)),
    }


def _fernet_key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode("ascii")
