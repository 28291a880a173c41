"""Who Tillroll is to Google Cloud: credentials, and the clients of the two services it speaks to.

The settings say who. Inside Airflow its connection does (`airflow_support.google`), which supplies other clients. Where
the services are follows from Google's own variables: STORAGE_EMULATOR_HOST and BIGQUERY_EMULATOR_HOST name emulators.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

import google.auth
from google.auth.credentials import AnonymousCredentials, Credentials
from google.auth.exceptions import DefaultCredentialsError
from google.cloud import bigquery, storage

from pipeline.errors import ConfigurationError
from pipeline.settings import Settings

SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)

# dbt signs in as the machine does; GOOGLE_APPLICATION_CREDENTIALS, where it is set, says as whom.
DBT_BY_DEFAULT = {"TILLROLL_DBT_BIGQUERY_METHOD": "oauth"}


def dbt_by_token(token: str) -> dict[str, str]:
    """The variables by which dbt signs in with an access token."""
    return {"TILLROLL_DBT_BIGQUERY_METHOD": "oauth-secrets", "TILLROLL_DBT_BIGQUERY_TOKEN": token}


class GoogleClients(Protocol):
    """Clients that are signed in."""

    def storage(self) -> storage.Client:
        """Cloud Storage."""

    def bigquery(self, project: str, location: str) -> bigquery.Client:
        """BigQuery: jobs run, and are paid for, in `project`, at `location`."""

    def dbt_environment(self) -> Mapping[str, str]:
        """The variables by which dbt/profiles.yml signs in as the same account. May hold a secret."""


class ConfiguredClients:
    """Signed in as the settings say: anonymous, by a key file, or as the machine is (application default)."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def storage(self) -> storage.Client:
        return storage.Client(project=None, credentials=self._credentials())

    def bigquery(self, project: str, location: str) -> bigquery.Client:
        return bigquery.Client(project=project, credentials=self._credentials(), location=location)

    def dbt_environment(self) -> Mapping[str, str]:
        if self._settings.google_anonymous:
            return dbt_by_token("anonymous")
        key = self._settings.google_key
        return DBT_BY_DEFAULT | ({"GOOGLE_APPLICATION_CREDENTIALS": str(key)} if key else {})

    def _credentials(self) -> Credentials:
        if self._settings.google_anonymous:
            return AnonymousCredentials()  # type: ignore[no-untyped-call]
        key = self._settings.google_key
        try:
            if key:
                return google.auth.load_credentials_from_file(str(key), scopes=SCOPES)[0]
            return google.auth.default(scopes=SCOPES)[0]
        except DefaultCredentialsError as error:
            place = str(key) if key else "this machine (application default credentials)"
            raise ConfigurationError(
                f"no Google credentials in {place}: {str(error).partition(' For more')[0]}",
                "Put a service account's key into config/key.json, name one with TILLROLL_GOOGLE_CREDENTIALS, or sign "
                "in with `gcloud auth application-default login`; docs/google-cloud.md has the ways.",
            ) from error


_supplied: ContextVar[GoogleClients | None] = ContextVar("google_clients", default=None)


def google_clients(settings: Settings) -> GoogleClients:
    """The clients in use: those that a context supplied, else those of the settings."""
    return _supplied.get() or ConfiguredClients(settings)


@contextmanager
def supplied(clients: GoogleClients) -> Iterator[None]:
    """Let `google_clients` give these, for as long as the context lasts."""
    token = _supplied.set(clients)
    try:
        yield
    finally:
        _supplied.reset(token)
