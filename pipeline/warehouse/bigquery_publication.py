"""One publication: rows are loaded and audited out of sight, then all of it is put in place by one transaction.

BigQuery's transactions take no DDL, and change up to 100 tables. So tables are made before, empty; a table whose
columns changed is replaced, on its own, by its audited rows; and more than 90 tables are published by several
transactions, in each of which rows and ledger agree. Before a table is replaced the ledger forgets it: were the run
killed then, the next one would bring it again with all its history. It forgets one that somebody dropped, too.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress

from google.cloud import bigquery

from pipeline.catalog import Table
from pipeline.errors import DataError, TillrollError
from pipeline.failpoints import failpoint
from pipeline.fingerprint import Fingerprint, Partition
from pipeline.lake.base import Lake
from pipeline.ledger import Ledger, LedgerEntry
from pipeline.manifest import LakeObject
from pipeline.warehouse.base import STAGING
from pipeline.warehouse.bigquery_audit_tables import AuditTables, Loading
from pipeline.warehouse.bigquery_jobs import Jobs
from pipeline.warehouse.bigquery_lock import Lease
from pipeline.warehouse.bigquery_publish_sql import Replacement, replace_statements
from pipeline.warehouse.bigquery_sql import fingerprint_query
from pipeline.warehouse.bigquery_tables import Tables, as_in_catalog, path, same_columns, same_partitions
from pipeline.warehouse.bigquery_transactions import Transactions

logger = logging.getLogger(__name__)

# https://cloud.google.com/bigquery/docs/transactions#limitations: 100 tables, the ledger among them, and 100,000
# changes of partitions; what replaces a partition changes it twice.
MAX_TABLES = 90
MAX_PARTITIONS = 45_000

# BigQuery takes scripts of 1,024 K characters; what is not a table's own has room in the rest.
MAX_CHARACTERS = 900_000


class BigQueryPublication:
    """Changes nothing that anybody reads before `publish`."""

    def __init__(self, jobs: Jobs, tables: Tables, lease: Lease) -> None:
        self._jobs, self._tables, self._lease = jobs, tables, lease
        self._audits = AuditTables(jobs, tables)
        self._transactions = Transactions(jobs, tables)
        self._loaded: dict[Table, Loading] = {}
        if gone := sorted(tables.missing(STAGING, self.ledger().tables)):
            names = ", ".join(f"{STAGING}.{name}" for name in gone)
            logger.warning(
                "gone, and published anew with all history, as is a table whose rejected rows these are: %s", names
            )
            self._forget_all(gone)

    def ledger(self) -> Ledger:
        return self._transactions.ledger

    def load(self, table: Table, objects: Sequence[LakeObject], lake: Lake) -> None:
        self._loaded[table] = self._audits.begin(table, objects, lake)

    def fingerprints(self, table: Table) -> Mapping[Partition, Fingerprint]:
        loaded = self._loaded[table]
        self._audits.finish(loaded)
        with failpoint("bigquery.audit"):
            return fingerprints(self._jobs, table, loaded.audit)

    def publish(self, entries: Iterable[LedgerEntry]) -> None:
        """Put everything loaded in place.

        Raises:
            TransientError: another run has published meanwhile, or BigQuery is away.
            DataError: a published table is gone, or not as it was published. AuditError: the rows in place are not
                those that were audited; all is as it was.
        """
        waiting = {entry.partition: entry for entry in entries}
        if not waiting:
            return
        for loaded in self._loaded.values():
            self._audits.finish(loaded)
        self._lease.require()
        self._require_published()
        replacements = [self._replacement(table, loaded) for table, loaded in self._loaded.items()]
        *first, last = _batches([r for r in replacements if r])
        for batch in first:
            names = {replacement.table.name for replacement in batch}
            chosen = {p: entry for p, entry in waiting.items() if p.table in names}
            self._publish(batch, chosen)
            waiting = {p: entry for p, entry in waiting.items() if p not in chosen}
        self._publish(last, waiting)

    def discard(self) -> None:
        """Remove what was loaded. What cannot be removed now goes away by itself."""
        for loaded in self._loaded.values():
            with suppress(TillrollError):
                self._audits.finish(loaded)
                self._audits.drop(loaded.audit)

    def _publish(self, batch: Sequence[Replacement], entries: Mapping[Partition, LedgerEntry]) -> None:
        forgotten = {r.table.name for r in batch if not self.ledger().knows(r.table)}
        self._transactions.publish(batch, entries.values(), forgotten)

    def _replacement(self, table: Table, loaded: Loading) -> Replacement | None:
        """What the transaction has to do for a table; None where it was replaced without one."""
        found = self._tables.find(STAGING, table.name)
        wanted = as_in_catalog(table, self._tables.reference(STAGING, table.name))
        fits = found is not None and same_columns(found, wanted) and same_partitions(found, wanted)
        partial = table.is_daily and self.ledger().knows(table)
        published = {p.day for p in self.ledger() if p.table == table.name and p.day}
        if not fits and partial:
            self._lost([table.name])
        if found is not None and fits and (partial or published or not table.is_daily):
            self._tables.keep(found)
            days = {o.day for o in loaded.objects if o.day} | (set() if partial else published)
            return Replacement(table, path(wanted), path(loaded.audit), _audited(loaded), tuple(sorted(days)))
        if found is None:
            self._forget(table.name)
            with failpoint("bigquery.table"):
                self._tables.create(wanted)
            days = {o.day for o in loaded.objects if o.day}
            return Replacement(table, path(wanted), path(loaded.audit), _audited(loaded), tuple(sorted(days)))
        logger.info("%s is replaced with all its history", table.name)
        self._forget(table.name)
        with failpoint("bigquery.replace"):
            self._tables.replace(found, loaded.audit, wanted)
        return None

    def _require_published(self) -> None:
        """See that published tables are there: one that does not change would be missed by no later run."""
        others = self.ledger().tables - {table.name for table in self._loaded}
        if gone := self._tables.missing(STAGING, others):
            self._lost(sorted(gone))

    def _lost(self, names: Sequence[str]) -> None:
        self._forget_all(names)
        raise DataError(
            f"staging.{', staging.'.join(names)} in BigQuery is gone, or its columns are not those that were published",
            "Run `tillroll sync` for the day again: it brings the whole table, with all its history.",
        )

    def _forget_all(self, gone: Sequence[str]) -> None:
        """Forget these, and before each the table whose rejected rows it held: a run killed between begins anew."""
        for name in self.ledger().unpublished(gone):
            self._forget(name)

    def _forget(self, name: str) -> None:
        if name in self.ledger().tables:
            self._transactions.forget(name)


def fingerprints(jobs: Jobs, table: Table, relation: bigquery.Table) -> dict[Partition, Fingerprint]:
    """Fingerprints of the rows of a table that has the catalog's columns."""
    rows = jobs.read(fingerprint_query(table, path(relation)), "audit", table.name)
    return {Partition(table.name, row["day"]): Fingerprint(row["row_count"], int(row["checksum"])) for row in rows}


def other_columns(table: Table) -> DataError:
    """The error of a published table whose columns somebody has changed."""
    name = f"{STAGING}.{table.name}"
    return DataError(
        f"{name} in BigQuery has not the columns any more that it was published with",
        f"Drop it (`bq rm --table {name}`); the next `tillroll sync` brings the whole table, with all its history.",
    )


def _audited(loaded: Loading) -> Fingerprint:
    """The fingerprint of all that was loaded, as `publish` may take it: compared with the audit table's."""
    return Fingerprint(sum(o.rows for o in loaded.objects), sum(o.checksum for o in loaded.objects))


def _batches(replacements: Sequence[Replacement]) -> Iterator[list[Replacement]]:
    """As many tables at a time as one transaction may change, and one script may name; one batch at least."""
    batch: list[Replacement] = []
    partitions = characters = 0
    for replacement in replacements:
        days = max(1, len(replacement.days))
        length = sum(map(len, replace_statements(replacement)))
        is_full = len(batch) == MAX_TABLES or partitions + days > MAX_PARTITIONS
        if batch and (is_full or characters + length > MAX_CHARACTERS):
            yield batch
            batch, partitions, characters = [], 0, 0
        batch.append(replacement)
        partitions, characters = partitions + days, characters + length
    yield batch
