"""Where dbt works: the environment that dbt/profiles.yml reads, for the warehouse in use.

dbt takes its profile from the environment only. What is secret has a name that begins with DBT_ENV_SECRET: dbt keeps
such values out of its logs and out of what it remembers of a project.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import urlsplit

from pipeline.embedded.airflow_environment import known_schedule_from
from pipeline.errors import ConfigurationError
from pipeline.google_clients import google_clients
from pipeline.settings import Settings
from pipeline.warehouse.duckdb import DuckDBWarehouse


def dbt_variables(settings: Settings) -> Mapping[str, str]:
    """The variables of dbt/profiles.yml, and what models are told of the schedule.

    Raises:
        ConfigurationError: dbt knows no such warehouse.
    """
    url = settings.warehouse
    if url.startswith("duckdb://"):
        return _duckdb(settings) | _deadline(settings)
    if url.startswith("bigquery://"):
        return _bigquery(settings) | _deadline(settings)
    raise ConfigurationError(
        f"TILLROLL_WAREHOUSE_URL: no dbt target for {url.split(':', 1)[0]!r}", "Use duckdb:// or bigquery://."
    )


@contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """These variables, for as long as the context lasts."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _deadline(settings: Settings) -> dict[str, str]:
    """By when days must be published, and from which day on; empty where they need not."""
    first = known_schedule_from(settings)
    return {
        "TILLROLL_DBT_FRESH_BY": settings.fresh_by.isoformat("seconds") if settings.fresh_by else "",
        "TILLROLL_DBT_SCHEDULE_FROM": first.isoformat() if first else "",
    }


def _duckdb(settings: Settings) -> dict[str, str]:
    return {
        "TILLROLL_DBT_TARGET": "duckdb",
        "TILLROLL_DBT_DUCKDB_PATH": str(DuckDBWarehouse.from_url(settings.warehouse).path),
        "TILLROLL_DBT_DUCKDB_MEMORY": settings.warehouse_memory,
        "TILLROLL_DBT_THREADS": str(settings.workers),
    }


def _bigquery(settings: Settings) -> dict[str, str]:
    parts = urlsplit(settings.warehouse)
    return {
        "TILLROLL_DBT_TARGET": "bigquery",
        "TILLROLL_DBT_BIGQUERY_PROJECT": parts.netloc,
        "TILLROLL_DBT_BIGQUERY_LOCATION": parts.path.strip("/"),
        "TILLROLL_DBT_BIGQUERY_MAXIMUM_BYTES": str(settings.maximum_bytes_billed or 0),
        **google_clients(settings).dbt_environment(),
    }
