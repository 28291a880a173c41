"""The warehouse in BigQuery.

Rows come by load jobs, which cost nothing, into tables that nobody reads; there they are fingerprinted, and then one
transaction publishes them with their ledger entries. Readers and writers need no lock between them: a lock keeps a
second writer away.
"""

import logging
import re
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from functools import cached_property
from urllib.parse import urlsplit

from pipeline.catalog import Table
from pipeline.errors import ConfigurationError, StepError, TransientError
from pipeline.failpoints import failpoint
from pipeline.fingerprint import Fingerprint, Partition
from pipeline.google_clients import GoogleClients, bounded
from pipeline.ledger import Ledger, LedgerEntry
from pipeline.warehouse.base import BUILT_AGAIN, CORE, DATAMART, EQUALITIES, STAGING, Equality
from pipeline.warehouse.bigquery_datasets import AUDIT, Datasets
from pipeline.warehouse.bigquery_jobs import Jobs
from pipeline.warehouse.bigquery_ledger import entry_rows, ledger_table, read_entries
from pipeline.warehouse.bigquery_left_jobs import wait_for_left_jobs
from pipeline.warehouse.bigquery_lock import LOCK_TIMEOUT_S, Lease
from pipeline.warehouse.bigquery_marts import Marts
from pipeline.warehouse.bigquery_publication import BigQueryPublication, fingerprints, other_columns
from pipeline.warehouse.bigquery_sql import quote, text
from pipeline.warehouse.bigquery_tables import Tables, as_in_catalog, same_columns
from pipeline.warehouse.bigquery_transactions import LEDGER

logger = logging.getLogger(__name__)

TRANSFORMED = "_transformed"
LOCK = "lock"

_READ = (STAGING, CORE, DATAMART)
_PROJECT = re.compile(r"([a-z][a-z0-9.-]*:)?[a-z][a-z0-9-]*[a-z0-9]")
_LOCATION = re.compile(r"[A-Za-z][A-Za-z0-9-]*")


class BigQueryWarehouse:
    """The datasets of one project, all in one location. Nothing is asked of Google before the first use."""

    def __init__(
        self,
        project: str,
        location: str,
        clients: GoogleClients,
        *,
        maximum_bytes_billed: int | None = None,
        lock_timeout_s: float = LOCK_TIMEOUT_S,
    ) -> None:
        self._project, self._location, self._clients = project, location, clients
        self._maximum_bytes_billed = maximum_bytes_billed
        self._lock_timeout_s = lock_timeout_s
        self._thread = threading.RLock()
        self._lease: Lease | None = None

    @classmethod
    def from_url(
        cls, url: str, clients: GoogleClients, *, maximum_bytes_billed: int | None = None
    ) -> "BigQueryWarehouse":
        """The warehouse at `bigquery://project/location`.

        Raises:
            ConfigurationError: the URL does not name a project and a location.
        """
        project, location = cls.place_of(url)
        return cls(project, location, clients, maximum_bytes_billed=maximum_bytes_billed)

    @staticmethod
    def place_of(url: str) -> tuple[str, str]:
        """Project and location of `bigquery://project/location`.

        Raises:
            ConfigurationError: the URL does not name them.
        """
        parts = urlsplit(url)
        location = parts.path.removeprefix("/")
        rest = url.removeprefix(f"bigquery://{parts.netloc}{parts.path}")
        if rest or not _PROJECT.fullmatch(parts.netloc) or not _LOCATION.fullmatch(location):
            raise ConfigurationError(
                f"TILLROLL_WAREHOUSE_URL: {url!r} is not a project and a location",
                "Write bigquery://project/location, such as bigquery://my-project/EU; `gcloud projects list` has the "
                "projects, https://cloud.google.com/bigquery/docs/locations the locations.",
            )
        return parts.netloc, location

    @contextmanager
    def lock(self) -> Iterator[None]:
        with self._locked():
            yield

    def require_lock(self) -> None:
        if (lease := self._lease) is not None:
            lease.require_unless_sure()

    def ledger(self) -> Ledger:
        entries = self._entries(STAGING, LEDGER)
        return entries.without(entries.unpublished(self._tables.missing(STAGING, entries.tables)))

    def transformed(self) -> Ledger:
        return self._entries(CORE, TRANSFORMED)

    def record_transformed(self, entries: Collection[LedgerEntry]) -> None:
        with self._locked() as lease:
            reference = self._tables.reference(CORE, TRANSFORMED)
            table = self._tables.create(ledger_table(reference, "What core was built from."))
            lease.require()
            with failpoint("bigquery.transformed"):
                self._jobs.load_rows(entry_rows(entries), table, "transformed")

    @contextmanager
    def publication(self) -> Iterator[BigQueryPublication]:
        with self._locked() as lease:
            publication = BigQueryPublication(self._jobs, self._tables, lease)
            try:
                yield publication
            except TransientError:
                raise  # what it loaded waits for the step to be repeated
            except BaseException:
                publication.discard()
                raise
            publication.discard()

    def fingerprints(self, table: Table) -> Mapping[Partition, Fingerprint]:
        found = self._tables.find(STAGING, table.name) if self._datasets.exists(STAGING) else None
        if found is None:
            return {}
        if not same_columns(found, as_in_catalog(table, found.reference)):
            raise other_columns(table)
        return fingerprints(self._jobs, table, found)

    def estimate(self, statement: str) -> int:
        """The bytes that a statement would scan, and be billed by. Nothing is run."""
        return self._jobs.estimate(statement)

    def path(self, dataset: str, name: str) -> str:
        """A relation as statements name it."""
        return f"{self._project}.{dataset}.{name}"

    def relations(self) -> set[str]:
        listed = {dataset: self._tables.listed(dataset) for dataset in _READ}
        return {f"{dataset}.{name}" for dataset, names in listed.items() for name in names if name[0] != "_"}

    def show_marts(self) -> None:
        with self._locked() as lease:
            lease.require()
            Marts(self._jobs, self._tables).show()

    def shows_marts(self) -> bool:
        return Marts(self._jobs, self._tables).are_shown()

    def row_counts(self) -> Mapping[str, int]:
        names = sorted(self.relations())
        try:
            return self._counts(names)
        except (StepError, ConfigurationError):  # one of the views cannot be read
            return {found: rows for name in names for found, rows in self._count(name).items()}

    def days_to_build_again(self) -> Collection[date] | None:
        if not self._datasets.exists(CORE) or self._tables.find(CORE, BUILT_AGAIN) is None:
            return ()
        try:
            rows = self._jobs.read(f"select day from {quote(self.path(CORE, BUILT_AGAIN))}", "transform")
        except (StepError, ConfigurationError) as error:
            logger.warning("%s.%s cannot be read, so core is built from nothing: %s", CORE, BUILT_AGAIN, error.message)
            return None
        return [row["day"] for row in rows]

    def equalities(self) -> Sequence[Equality]:
        found = self._tables.find(DATAMART, EQUALITIES) if self._datasets.exists(DATAMART) else None
        rows = self._tables.rows(found) if found else []
        equalities = (
            Equality(row["layer"], row["measure"], Decimal(row["value"]), Decimal(row["expected"])) for row in rows
        )
        return sorted(equalities, key=lambda e: (e.layer, e.measure, e.value))

    @cached_property
    def _jobs(self) -> Jobs:
        return Jobs(bounded(self._clients.bigquery(self._project, self._location)), self._maximum_bytes_billed)

    @cached_property
    def _datasets(self) -> Datasets:
        return Datasets(self._jobs, self._location)

    @cached_property
    def _tables(self) -> Tables:
        return Tables(self._jobs, self._datasets)

    @contextmanager
    def _locked(self) -> Iterator[Lease]:
        """The lock, held by this thread; taken again inside, it is the same one."""
        with self._thread:
            if self._lease is not None:
                yield self._lease
                return
            self._datasets.ensure()
            lease = Lease(
                bounded(self._clients.bigquery(self._project, self._location)),
                self._tables.reference(AUDIT, LOCK),
                self._datasets.resource(AUDIT),
                timeout_s=self._lock_timeout_s,
            )
            with lease.held():
                wait_for_left_jobs(self._jobs.client, self._lock_timeout_s)
                self._lease = lease
                try:
                    yield lease
                finally:
                    self._lease = None

    def _entries(self, dataset: str, name: str) -> Ledger:
        found = self._tables.find(dataset, name) if self._datasets.exists(dataset) else None
        return read_entries(self._tables.rows(found)) if found else Ledger()

    def _counts(self, names: Sequence[str]) -> dict[str, int]:
        """Counted, as the numbers that tables carry are not right at once. To count a table's rows costs nothing."""
        if not names:
            return {}
        query = " union all ".join(
            f"select {text(name)} as name, count(*) as row_count from {quote(f'{self._project}.{name}')}"
            for name in names
        )
        return {row["name"]: row["row_count"] for row in self._jobs.read(query, "count")}

    def _count(self, name: str) -> dict[str, int]:
        try:
            return self._counts([name])
        except (StepError, ConfigurationError) as error:
            logger.warning("the view %s cannot be read and is left out: %s", name, error.message)
            return {}
