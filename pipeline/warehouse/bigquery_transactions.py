"""The transactions that change the ledger: together with the rows it tells of, or not at all.

Each begins with a fence: it fails where another has published since the ledger was read. Each has an id that follows
from what it does, so that a repeated step whose answer got lost finds its transaction again.
"""

import hashlib
import itertools
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

from google.api_core.exceptions import GoogleAPICallError
from google.cloud import bigquery

from pipeline.errors import AuditError, TillrollError, TransientError
from pipeline.failpoints import failpoint
from pipeline.google_errors import RETRY, explained
from pipeline.google_resources import project
from pipeline.ledger import Ledger, LedgerEntry
from pipeline.warehouse.base import STAGING
from pipeline.warehouse.bigquery_audit_tables import LIFETIME
from pipeline.warehouse.bigquery_datasets import AUDIT
from pipeline.warehouse.bigquery_jobs import Jobs, job_id
from pipeline.warehouse.bigquery_ledger import entry_rows, ledger_table, read_entries, stamp
from pipeline.warehouse.bigquery_publish_sql import (
    LEDGER_CHANGED,
    ROWS_DIFFER,
    Replacement,
    forget_script,
    publish_script,
)
from pipeline.warehouse.bigquery_tables import Tables, path

LEDGER = "_ledger"


class Transactions:
    """The ledger as it was read, and as each transaction leaves it."""

    def __init__(self, jobs: Jobs, tables: Tables) -> None:
        self._jobs = jobs
        self._tables = tables
        self._table = tables.create(
            ledger_table(tables.reference(STAGING, LEDGER), "What is published: Tillroll's ledger of fingerprints.")
        )
        self.ledger = self._read()

    def publish(
        self, replacements: Sequence[Replacement], entries: Collection[LedgerEntry], forgotten: Collection[str]
    ) -> None:
        """Put these partitions and their entries in place; older entries of `forgotten` tables go.

        Raises:
            TransientError: another has published meanwhile, or no answer came. Nothing of it happened, or all of it.
        """
        staged = self._stage(entries)
        script = publish_script(replacements, path(self._table), path(staged), stamp(self.ledger), sorted(forgotten))
        with failpoint("bigquery.publish"):
            self._run(script, entries)
        kept = {p: entry for p, entry in self.ledger.items() if p.table not in forgotten}
        self.ledger = Ledger((kept | {entry.partition: entry for entry in entries}).values())
        with suppress(TillrollError), failpoint("bigquery.drop_entries"):  # it goes away by itself, too
            self._tables.drop(staged)

    def forget(self, table: str) -> None:
        """Take a table's entries out of the ledger: it counts as never published."""
        with failpoint("bigquery.forget"):
            self._run(forget_script(path(self._table), stamp(self.ledger), [table]), ())
        self.ledger = Ledger(entry for partition, entry in self.ledger.items() if partition.table != table)

    def _stage(self, entries: Collection[LedgerEntry]) -> bigquery.Table:
        """A table of the new entries, for the transaction to read."""
        identities = sorted(f"{e.partition.label} {e.fingerprint} {e.schema_id} {e.sequence}" for e in entries)
        name = f"_entries_{_digest(identities)}"
        staged = ledger_table(self._tables.reference(AUDIT, name), "Entries on their way into the ledger.")
        staged.expires = datetime.now(UTC) + LIFETIME
        with failpoint("bigquery.entries"):
            self._jobs.load_rows(entry_rows(entries), self._tables.create(staged), "publish")
        return staged

    def _run(self, script: str, entries: Collection[LedgerEntry]) -> None:
        """Run a script once. An id that a failed one used up, or one whose entries are gone again, is passed over."""
        for attempt in itertools.count(1):
            known_as = job_id("publish", _digest([script]), attempt)
            with self._explained():
                job, attached = self._jobs.script(script, known_as, "publish")
                if not attached:
                    job.result(retry=RETRY)
                    return
                if self._is_done(job, entries):
                    return

    def _is_done(self, job: bigquery.QueryJob, entries: Collection[LedgerEntry]) -> bool:
        """Whether a transaction that was begun before came to its end, and what it wrote still stands."""
        try:
            job.result(retry=RETRY)
        except GoogleAPICallError:
            if job.error_result is None:  # not the job failed, but the question for it
                raise
            return False
        found = self._read()
        identities = {(e.partition, e.fingerprint, e.sequence) for e in found.values()}
        return bool(entries) and all((e.partition, e.fingerprint, e.sequence) in identities for e in entries)

    def _read(self) -> Ledger:
        return read_entries(self._tables.rows(self._table))

    @contextmanager
    def _explained(self) -> Iterator[None]:
        with explained(project(self._jobs.client.project)):
            try:
                yield
            except GoogleAPICallError as error:
                if LEDGER_CHANGED in str(error) or "concurrent update" in str(error):
                    raise TransientError(
                        "the ledger changed while this run worked: another run has published",
                        "Run the step again; this transaction changed nothing.",
                    ) from None
                if ROWS_DIFFER in str(error):
                    raise AuditError(
                        f"BigQuery did not put in place what was audited: {error.message}",
                        "This transaction changed nothing. See who else writes into staging_audit; run the step again.",
                    ) from None
                raise


def _digest(texts: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:24]
