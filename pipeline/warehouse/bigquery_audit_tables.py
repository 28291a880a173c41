"""Audit tables: where loaded rows wait, unseen, until they are proven equal to their source's.

An audit table's name follows from the objects it is loaded from, and the ids of its load jobs from the table. So a
repeated step finds what one that was killed has begun, waits for it, and loads nothing twice. A job that failed uses up
its id: then the table goes, and the next one has other ids.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from google.api_core.exceptions import GoogleAPICallError
from google.cloud import bigquery

from pipeline.catalog import Table
from pipeline.errors import TillrollError
from pipeline.failpoints import failpoint
from pipeline.google_errors import RETRY, explained
from pipeline.lake.base import Lake
from pipeline.manifest import LakeObject
from pipeline.warehouse.bigquery_datasets import AUDIT
from pipeline.warehouse.bigquery_jobs import Jobs, job_id
from pipeline.warehouse.bigquery_load_errors import load_error
from pipeline.warehouse.bigquery_sql import MAX_PARTITIONS_PER_JOB
from pipeline.warehouse.bigquery_tables import Tables, as_in_catalog

LIFETIME = timedelta(days=1)

# https://cloud.google.com/bigquery/quotas#load_jobs
MAX_FILES_PER_JOB = 10_000


@dataclass(frozen=True, slots=True)
class Loading:
    """An audit table, and the jobs by which BigQuery fills it with the objects of the lake at `url`."""

    table: Table
    audit: bigquery.Table
    jobs: tuple[bigquery.LoadJob, ...]
    objects: tuple[LakeObject, ...]
    url: str


class AuditTables:
    """Loads objects of the lake into tables that nobody reads; BigQuery works on several at once."""

    def __init__(self, jobs: Jobs, tables: Tables) -> None:
        self._jobs = jobs
        self._tables = tables

    def begin(self, table: Table, objects: Sequence[LakeObject], lake: Lake) -> Loading:
        """Have a table filled with the objects' rows and no others."""
        digest = _digest(objects)
        with failpoint("bigquery.audit_table"):
            audit = self._open(table, digest)
        created = int(audit.created.timestamp() * 1000) if audit.created else 0
        jobs = []
        for number, files in enumerate(_files(objects, lake), 1):
            with failpoint("bigquery.load"):
                jobs.append(
                    self._jobs.load(files, audit, job_id("load", table.name, digest, created, number), table.name)
                )
        return Loading(table, audit, tuple(jobs), tuple(objects), lake.url)

    def finish(self, loading: Loading) -> None:
        """Wait until the table is filled.

        Raises:
            DataError: a value does not fit its column's type. CorruptObjectError: an object is gone.
        """
        # All of them end before the table goes: one that still ran would write into the next one of its name.
        with failpoint("bigquery.loaded"):
            failed = [error for job in loading.jobs if (error := self._failure(job, loading))]
        if failed:
            self.drop(loading.audit)
            raise failed[0]

    def drop(self, audit: bigquery.Table) -> None:
        """Remove an audit table."""
        with failpoint("bigquery.drop_audit"):
            self._tables.drop(audit)

    def _open(self, table: Table, digest: str) -> bigquery.Table:
        """The audit table of these objects, for a day at least."""
        wanted = as_in_catalog(table, self._tables.reference(AUDIT, f"{table.name}_{digest}"))
        wanted.expires = datetime.now(UTC) + LIFETIME
        audit = self._tables.create(wanted)
        if audit.expires is None or audit.expires < wanted.expires - LIFETIME / 2:
            audit.expires = wanted.expires
            self._tables.update(audit, "expires")
        return audit

    def _failure(self, job: bigquery.LoadJob, loading: Loading) -> TillrollError | None:
        """Wait for a job; why it failed, if it did."""
        with explained(self._tables.resource(AUDIT)):
            try:
                job.result(retry=RETRY)
            except GoogleAPICallError as error:
                if job.error_result is None:  # not the job failed, but the question for it
                    raise
                return load_error(error, job, loading.table, loading.objects, loading.url)
        return None


def _digest(objects: Sequence[LakeObject]) -> str:
    content = [
        [o.schema_id, o.sequence, str(o.day), [[part.path, part.crc32c, part.bytes] for part in o.parts]]
        for o in sorted(objects, key=lambda o: str(o.day))
    ]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]


def _files(objects: Sequence[LakeObject], lake: Lake) -> Iterator[list[str]]:
    """The objects' files, as many at a time as one job may read, and of as many days as it may write."""
    files: list[str] = []
    days: set[date | None] = set()
    for found in sorted(objects, key=lambda o: str(o.day)):
        for part in found.parts:
            if len(files) == MAX_FILES_PER_JOB or len(days | {found.day}) > MAX_PARTITIONS_PER_JOB:
                yield files
                files, days = [], set()
            files.append(f"{lake.url}/{part.path}")
            days.add(found.day)
    if files:
        yield files
