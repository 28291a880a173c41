"""Where the dashboard reads: the published marts, a file on the laptop or BigQuery's dataset, and never the writer's.

Each state of the marts has a version, and every answer is of one: a page never mixes two publications of a file, and
what was asked once is not asked again before the next publication.
"""

import threading
from collections import OrderedDict
from pathlib import Path
from urllib.parse import urlsplit

from dashboard.answers import Answer, Marts
from dashboard.file_marts import FileMarts
from dashboard.queries import Dialect, Query
from pipeline.errors import ConfigurationError
from pipeline.settings import Settings

KEPT = 256


def open_marts(settings: Settings) -> Marts:
    """The marts that the settings name. Nothing is opened yet.

    Raises:
        ConfigurationError: the warehouse is of no kind that Tillroll knows.
    """
    scheme = urlsplit(settings.warehouse).scheme
    if scheme == "duckdb":
        return KeptAnswers(FileMarts(Path(settings.marts), settings.warehouse_memory))
    if scheme == "bigquery":
        from dashboard.bigquery_marts import BigQueryMarts

        return KeptAnswers(BigQueryMarts(settings))
    raise ConfigurationError(
        f"TILLROLL_WAREHOUSE_URL: no warehouse for {scheme!r}",
        "Use duckdb:///path/to/file.duckdb or bigquery://project/location.",
    )


class KeptAnswers:
    """Marts whose latest answers are kept until one of another version is asked for."""

    def __init__(self, marts: Marts) -> None:
        self._marts = marts
        self._version: str | None = None
        self._kept: OrderedDict[Query, Answer] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def dialect(self) -> Dialect:
        return self._marts.dialect

    def version(self) -> str | None:
        return self._marts.version()

    def read(self, query: Query, version: str) -> Answer:
        answer = self._find(query, version)
        if answer is None:
            answer = self._marts.read(query, version)
            if query.kept:
                self._keep(query, version, answer)
        return answer

    def _find(self, query: Query, version: str) -> Answer | None:
        with self._lock:
            if version != self._version:
                self._version = version
                self._kept.clear()
            if query in self._kept:
                self._kept.move_to_end(query)
            return self._kept.get(query)

    def _keep(self, query: Query, version: str, answer: Answer) -> None:
        with self._lock:
            if version == self._version:
                self._kept[query] = answer
                if len(self._kept) > KEPT:
                    self._kept.popitem(last=False)
