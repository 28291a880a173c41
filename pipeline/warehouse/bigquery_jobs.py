"""BigQuery's jobs: each is labelled, and queries are capped. A job with an id of ours is run once, however often asked.

Where an answer got lost, or the process that began a job was killed, the same id finds the job again.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar, cast
from uuid import uuid4

from google.api_core.exceptions import BadRequest, Conflict, NotFound
from google.api_core.retry import Retry
from google.cloud import bigquery
from google.cloud.bigquery.retry import DEFAULT_JOB_RETRY

from pipeline.errors import ConfigurationError
from pipeline.google_clients import REQUEST_S
from pipeline.google_errors import RETRY, RETRY_FOR_S, explained, is_transient, sentence
from pipeline.google_resources import project
from pipeline.warehouse.bigquery_names import label

AnyJob = TypeVar("AnyJob", bigquery.LoadJob, bigquery.CopyJob, bigquery.QueryJob)

# A job that the service says it has can be missing for a moment when it is looked up.
_FIND_JOB = Retry(predicate=lambda error: isinstance(error, NotFound) or is_transient(error), timeout=RETRY_FOR_S)


class Jobs:
    """Begins jobs in one project, at one location, and attaches to those that were begun already."""

    def __init__(self, client: bigquery.Client, maximum_bytes_billed: int | None = None) -> None:
        self.client = client
        self._maximum_bytes_billed = maximum_bytes_billed
        self._project = project(client.project)

    def read(
        self, query: str, step: str, table: str = "", parameters: Sequence[bigquery.ScalarQueryParameter] = ()
    ) -> list[bigquery.Row]:
        """The rows of a query that changes nothing, so that it may run twice."""
        config = self._query_config(step, table)
        config.query_parameters = parameters
        with explained(self._project):
            job = self.client.query(
                query,
                config,
                retry=RETRY,
                timeout=REQUEST_S,
                job_retry=DEFAULT_JOB_RETRY.with_timeout(RETRY_FOR_S),
            )
            return list(job.result(retry=RETRY))

    def estimate(self, statement: str, parameters: Sequence[bigquery.ScalarQueryParameter] = ()) -> int:
        """The bytes that a query or a change of rows would scan, by a dry run, which costs nothing."""
        config = self._query_config("estimate")
        config.query_parameters = parameters
        config.dry_run, config.use_query_cache = True, False
        with explained(self._project):
            return self.client.query(statement, config, retry=RETRY, timeout=REQUEST_S).total_bytes_processed or 0

    def check(self) -> None:
        """Let BigQuery look at a query without running it: whether there are such a project and location, for us.

        Raises:
            ConfigurationError: one of them is not there, or not for this account.
        """
        config = self._query_config("check")
        config.dry_run = True
        with explained(self._project):
            try:
                self.client.query("select 1", config, retry=RETRY, timeout=REQUEST_S)
            except BadRequest as error:
                raise ConfigurationError(
                    f"BigQuery takes no jobs of {self.client.project} at {self.client.location!r}: {sentence(error)}",
                    "Correct TILLROLL_WAREHOUSE_URL (bigquery://project/location): "
                    "https://cloud.google.com/bigquery/docs/locations has the locations.",
                ) from None

    def script(self, statements: str, known_as: str, step: str) -> tuple[bigquery.QueryJob, bool]:
        """Begin a script, or attach to the job of this id; and whether it was there already."""
        config = self._query_config(step)
        with explained(self._project):
            return self._begin(
                known_as,
                lambda: self.client.query(statements, config, known_as, retry=RETRY, timeout=REQUEST_S, job_retry=None),
            )

    def load(self, uris: Sequence[str], target: bigquery.Table, known_as: str, table: str) -> bigquery.LoadJob:
        """Begin to append CSV files of the lake to a table, or attach to the job of this id."""
        config = bigquery.LoadJobConfig(
            source_format=bigquery.SourceFormat.CSV,
            schema=target.schema,
            create_disposition=bigquery.CreateDisposition.CREATE_NEVER,
            write_disposition=bigquery.WriteDisposition.WRITE_APPEND,
            skip_leading_rows=1,
            field_delimiter=",",
            quote_character='"',
            null_marker=r"\N",
            allow_quoted_newlines=True,
            preserve_ascii_control_characters=True,
            encoding=bigquery.Encoding.UTF_8,
            labels=_labels("load", table),
        )
        with explained(self._project):
            job, _ = self._begin(
                known_as,
                lambda: self.client.load_table_from_uri(
                    uris, target, known_as, job_config=config, retry=RETRY, timeout=REQUEST_S
                ),
            )
        return job

    def load_rows(self, rows: Iterable[dict[str, Any]], target: bigquery.Table, step: str) -> None:
        """Put these few rows in the place of all that a table holds; the table is made where there is none."""
        new = _new_id(step)
        config = bigquery.LoadJobConfig(
            source_format=bigquery.SourceFormat.NEWLINE_DELIMITED_JSON,
            schema=target.schema,
            write_disposition=bigquery.WriteDisposition.WRITE_TRUNCATE,
            labels=_labels(step, target.table_id),
        )
        with explained(self._project):
            job, _ = self._begin(
                new,
                lambda: self.client.load_table_from_json(
                    rows, target, job_id=new, job_config=config, timeout=REQUEST_S
                ),
            )
            job.result(retry=RETRY)

    def copy(self, source: bigquery.Table, target: bigquery.Table, step: str) -> None:
        """Put a table's rows and columns in the place of another's; the other is made where there is none."""
        new = _new_id(step)
        config = bigquery.CopyJobConfig(
            write_disposition=bigquery.WriteDisposition.WRITE_TRUNCATE, labels=_labels(step, target.table_id)
        )
        with explained(self._project):
            job, _ = self._begin(
                new,
                lambda: self.client.copy_table(source, target, new, job_config=config, retry=RETRY, timeout=REQUEST_S),
            )
            job.result(retry=RETRY)

    def _begin(self, known_as: str, begin: Callable[[], AnyJob]) -> tuple[AnyJob, bool]:
        try:
            return begin(), False
        except Conflict:
            return cast(AnyJob, self.client.get_job(known_as, retry=_FIND_JOB, timeout=REQUEST_S)), True

    def _query_config(self, step: str, table: str = "") -> bigquery.QueryJobConfig:
        config = bigquery.QueryJobConfig(use_legacy_sql=False, labels=_labels(step, table))
        if self._maximum_bytes_billed is not None:
            config.maximum_bytes_billed = self._maximum_bytes_billed
        return config


def job_id(*parts: object) -> str:
    """An id of a job of ours, with as much of the parts as an id can hold."""
    return "_".join(re.sub(r"[^A-Za-z0-9_-]", "-", str(part)) for part in ("tillroll", *parts))


def _labels(step: str, table: str = "") -> dict[str, str]:
    """What a bill or a list of jobs is sorted by."""
    return {"app": "tillroll", "step": step} | ({"table": label(table)} if table else {})


def _new_id(step: str) -> str:
    return job_id(step, uuid4().hex)
