"""The published marts in BigQuery: read as the account that the pipeline uses, each query labelled and capped.

Between two looks at what is published, and while a page loads, another publication may come: a page may then show
numbers of both, until it loads again by itself.
"""

import threading
import time
from datetime import UTC, date, datetime
from typing import Any

from google.cloud import bigquery

from dashboard.answers import Answer
from dashboard.queries import BIGQUERY, Query
from pipeline.google_clients import bounded, google_clients
from pipeline.settings import Settings
from pipeline.warehouse.base import DATAMART
from pipeline.warehouse.bigquery import BigQueryWarehouse
from pipeline.warehouse.bigquery_datasets import Datasets
from pipeline.warehouse.bigquery_jobs import Jobs
from pipeline.warehouse.bigquery_tables import Tables

# How long a version is taken for granted.
VERSION_S = 30.0
HEALTH, OURS = "bi_health", "bi_"

_TYPES: dict[type, str] = {bool: "BOOL", int: "INT64", str: "STRING", date: "DATE"}


class BigQueryMarts:
    """The dataset `datamart` of one project. Google is asked nothing before the first use."""

    dialect = BIGQUERY

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._project, self._location = BigQueryWarehouse.place_of(settings.warehouse)
        self._opened: Jobs | None = None
        self._version: str | None = None
        self._looked = float("-inf")
        self._lock = threading.Lock()

    def version(self) -> str | None:
        """When the latest of the dashboards' tables was written; to ask for that costs nothing."""
        with self._lock:
            if time.monotonic() - self._looked > VERSION_S:
                self._version = self._look()
                self._looked = time.monotonic()
            return self._version

    def read(self, query: Query, version: str) -> Answer:
        rows: list[Any] = self._jobs().read(query.sql, "dashboard", parameters=_parameters(query))
        if not rows:
            return Answer((), ())
        return Answer(tuple(rows[0].keys()), tuple(tuple(map(_plain, row.values())) for row in rows))

    def estimate(self, query: Query) -> int:
        """The bytes that a query would scan, which to ask costs nothing."""
        return self._jobs().estimate(query.sql, _parameters(query))

    def _look(self) -> str | None:
        jobs = self._jobs()
        tables = Tables(jobs, Datasets(jobs, self._location))
        names = [name for name in tables.listed(DATAMART) if name.startswith(OURS)]
        if HEALTH not in names:
            return None
        moments = [found.modified for name in names if (found := tables.find(DATAMART, name))]
        return str(max(moments)) if moments else None

    def _jobs(self) -> Jobs:
        if self._opened is None:
            client = google_clients(self._settings).bigquery(self._project, self._location)
            self._opened = Jobs(bounded(client), self._settings.maximum_bytes_billed)
        return self._opened


def _parameters(query: Query) -> list[bigquery.ScalarQueryParameter]:
    return [bigquery.ScalarQueryParameter(name, _TYPES[type(value)], value) for name, value in query.parameters]


def _plain(value: Any) -> Any:
    """Instants without a zone, as DuckDB gives them."""
    return value.astimezone(UTC).replace(tzinfo=None) if isinstance(value, datetime) and value.tzinfo else value
