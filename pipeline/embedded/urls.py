"""Where each server is: the setting's URL, else the embedded server's. Everyone asks here."""

from pipeline.embedded import ports
from pipeline.embedded.postgres import EmbeddedPostgres
from pipeline.errors import ConfigurationError
from pipeline.settings import Settings


def source_url(settings: Settings) -> str:
    """`postgresql://…` of the source database, password included."""
    if settings.source_url is not None:
        return settings.source_url.get_secret_value()
    return EmbeddedPostgres(settings).url("shop")


def shop_url(settings: Settings) -> str:
    """The source's URL, for the practice shop to write there.

    Raises:
        ConfigurationError: the source is a real shop's, which is only read.
    """
    if settings.source == "external":
        raise ConfigurationError(
            "TILLROLL_SOURCE is external: a real shop's database is only read, never filled",
            "Leave the ingest step out, or set TILLROLL_SOURCE=shop for the practice shop.",
        )
    return source_url(settings)


def smtp_url(settings: Settings) -> str:
    """`smtp://…` or `smtps://…` of the server that takes mail."""
    if settings.smtp_url is not None:
        return settings.smtp_url.get_secret_value()
    return f"smtp://{ports.address(settings, ports.port(settings, 'smtp'))}"


def airflow_url(settings: Settings) -> str:
    """`http://…` of Airflow's web interface, as people open it."""
    return f"http://{ports.address(settings, ports.port(settings, 'airflow'))}"


def dashboard_url(settings: Settings) -> str:
    """`http://…` of the dashboard, as people open it."""
    return f"http://{ports.address(settings, ports.port(settings, 'dashboard'))}"


def airflow_api_url(settings: Settings) -> str:
    """`http://…` of the same server, as Airflow's other parts and this program reach it."""
    return (settings.airflow_api_url or airflow_url(settings)).rstrip("/")


def airflow_database_url(settings: Settings) -> str:
    """`postgresql://…` of Airflow's metadata, password included."""
    if settings.airflow_database_url is not None:
        return settings.airflow_database_url.get_secret_value()
    return EmbeddedPostgres(settings).url("airflow")


def uses_embedded_postgres(settings: Settings) -> bool:
    """Whether anything is in the embedded PostgreSQL: the source, or Airflow's metadata."""
    return settings.source_url is None or settings.airflow_database_url is None
