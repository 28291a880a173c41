"""Google's clients from Airflow's own connection, so that an Airflow user configures the account as for any operator.

The provider's hooks decide who signs in: a key file, a key kept in the connection or in a secrets backend, another
account that is impersonated, or what the machine has. On the laptop `embedded.airflow_environment` makes the connection
from Tillroll's settings.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from airflow.providers.google.cloud.hooks.bigquery import BigQueryHook
from airflow.providers.google.cloud.hooks.gcs import GCSHook
from airflow.providers.google.common.hooks.base_google import get_field
from airflow.sdk.exceptions import AirflowNotFoundException
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import GoogleAuthError
from google.auth.transport.requests import Request
from google.cloud import bigquery, storage

from pipeline.errors import ConfigurationError
from pipeline.google_clients import DBT_BY_DEFAULT, dbt_by_token, supplied

CONNECTION = "google_cloud_default"

# Ways to sign in that dbt has no words for, by the connection's field.
_BY_TOKEN = ("impersonation_chain", "key_secret_name", "credential_config_file", "idp_issuer_url")


class ConnectionClients:
    """Signed in as the connection says."""

    def storage(self) -> storage.Client:
        return GCSHook(gcp_conn_id=CONNECTION).get_conn()

    def bigquery(self, project: str, location: str) -> bigquery.Client:
        return _bigquery_hook(location).get_client(project_id=project, location=location)

    def dbt_environment(self) -> Mapping[str, str]:
        """dbt signs in by the key that `google_connection` lays out, or as the machine; else by an hour's token."""
        hook = _bigquery_hook()
        credentials = hook.get_credentials()
        if isinstance(credentials, AnonymousCredentials):
            return dbt_by_token("anonymous")
        if not any(get_field(hook.extras, field) for field in _BY_TOKEN):
            return DBT_BY_DEFAULT
        credentials.refresh(Request())  # type: ignore[no-untyped-call]
        return dbt_by_token(str(credentials.token))


@contextmanager
def google_connection() -> Iterator[None]:
    """Sign in to Google by Airflow's connection, for as long as the context lasts.

    Raises:
        ConfigurationError: there is no such connection, or it names no usable account.
    """
    try:
        with _bigquery_hook().provide_gcp_credential_file_as_context(), supplied(ConnectionClients()):
            yield
    except AirflowNotFoundException as error:
        raise ConfigurationError(
            f"Airflow has no connection {CONNECTION!r}",
            "Add one of the type Google Cloud, with a key or without (then it is the machine's own account).",
        ) from error
    except GoogleAuthError as error:
        raise ConfigurationError(
            f"Airflow's connection {CONNECTION!r} does not sign in: {type(error).__name__}",
            "Give it a valid key, or leave it without one where the machine has an account of its own.",
        ) from error


def _bigquery_hook(location: str | None = None) -> BigQueryHook:
    return BigQueryHook(gcp_conn_id=CONNECTION, use_legacy_sql=False, location=location)
