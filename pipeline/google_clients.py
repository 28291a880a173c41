"""Who Tillroll is to Google Cloud: signed-in clients of the two services it speaks to.

The settings say who. Inside Airflow its connection does (`airflow_support.google`), which supplies other clients. Where
the services are follows from Google's own variables: STORAGE_EMULATOR_HOST and BIGQUERY_EMULATOR_HOST name emulators.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, Protocol

from google.cloud import bigquery, storage

from pipeline.google_credentials import credentials_of
from pipeline.settings import Settings

# Most waiting for one answer of the API; a job that takes longer is asked for again.
REQUEST_S = 60

# dbt signs in as the machine does; GOOGLE_APPLICATION_CREDENTIALS, where it is set, says as whom.
DBT_BY_DEFAULT = {"TILLROLL_DBT_BIGQUERY_METHOD": "oauth"}


def dbt_by_token(token: str) -> dict[str, str]:
    """The variables by which dbt signs in with an access token."""
    return {"TILLROLL_DBT_BIGQUERY_METHOD": "oauth-secrets", "DBT_ENV_SECRET_BIGQUERY_TOKEN": token}


class GoogleClients(Protocol):
    """Clients that are signed in."""

    def storage(self) -> storage.Client:
        """Cloud Storage."""

    def bigquery(self, project: str, location: str) -> bigquery.Client:
        """BigQuery: jobs run, and are paid for, in `project`, at `location`."""

    def dbt_environment(self) -> Mapping[str, str]:
        """The variables by which dbt/profiles.yml signs in as the same account. May hold a secret."""


class ConfiguredClients:
    """Signed in as the settings say (see `google_credentials`)."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def storage(self) -> storage.Client:
        return storage.Client(project=None, credentials=credentials_of(self._settings))

    def bigquery(self, project: str, location: str) -> bigquery.Client:
        return bigquery.Client(project=project, credentials=credentials_of(self._settings), location=location)

    def dbt_environment(self) -> Mapping[str, str]:
        if self._settings.google_anonymous:
            return dbt_by_token("anonymous")
        key = self._settings.google_key
        return DBT_BY_DEFAULT | ({"GOOGLE_APPLICATION_CREDENTIALS": str(key)} if key else {})


_supplied: ContextVar[GoogleClients | None] = ContextVar("google_clients", default=None)


def google_clients(settings: Settings) -> GoogleClients:
    """The clients in use: those that a context supplied, else those of the settings."""
    return _supplied.get() or ConfiguredClients(settings)


def bounded(client: bigquery.Client) -> bigquery.Client:
    """The client, which from now on waits a minute for any answer.

    Of several requests (pages of a result, a job that is looked at again, a table that was there already) Google's
    library lets nobody say how long to wait. A connection that a router has forgotten would hold its run for ever, and
    with it the lock.
    """
    session = client._http
    request = session.request

    @wraps(request)
    def bounded_request(*arguments: Any, timeout: Any = None, **more: Any) -> Any:
        return request(*arguments, timeout=timeout or REQUEST_S, **more)

    session.request = bounded_request
    return client


@contextmanager
def supplied(clients: GoogleClients) -> Iterator[None]:
    """Let `google_clients` give these, for as long as the context lasts."""
    token = _supplied.set(clients)
    try:
        yield
    finally:
        _supplied.reset(token)
