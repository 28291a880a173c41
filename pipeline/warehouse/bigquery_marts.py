"""The marts that people read: shown all at once, after dbt has built and tested them out of sight.

One transaction puts the rows of `datamart_build` into `datamart`. Marts that are new are made before, empty. A mart
whose columns or layout changed is replaced after, on its own: BigQuery's transactions take no DDL.
"""

from collections.abc import Sequence
from contextlib import suppress
from uuid import uuid4

from google.cloud import bigquery

from pipeline.errors import TillrollError
from pipeline.failpoints import failpoint
from pipeline.google_errors import RETRY, explained
from pipeline.google_resources import project
from pipeline.warehouse.base import DATAMART
from pipeline.warehouse.bigquery_datasets import DATAMART_BUILD
from pipeline.warehouse.bigquery_jobs import Jobs, job_id
from pipeline.warehouse.bigquery_publish_sql import transaction
from pipeline.warehouse.bigquery_sql import quote
from pipeline.warehouse.bigquery_tables import LABELS, Tables, as_built, path, same_columns, same_layout

# https://cloud.google.com/bigquery/docs/transactions#limitations
MAX_MARTS = 100

_TEMPORARY = "__dbt_tmp"


class Marts:
    """The datamart as it was built, and as people see it."""

    def __init__(self, jobs: Jobs, tables: Tables) -> None:
        self._jobs = jobs
        self._tables = tables

    def are_shown(self) -> bool:
        """Whether people see a mart for each that was built."""
        return self._names() <= self._tables.listed(DATAMART).keys()

    def show(self) -> None:
        """Let people see what `datamart_build` holds, and nothing of a mart that is not there any more."""
        built = [table for name in sorted(self._names()) if (table := self._tables.find(DATAMART_BUILD, name))]
        if not built:
            return
        shown = {table.table_id: self._tables.find(DATAMART, table.table_id) for table in built}
        changed = [table for table in built if _is_changed(table, shown[table.table_id])]
        new = [self._create(table) for table in built if shown[table.table_id] is None]
        try:
            self._fill([table for table in built if table not in changed])
        except BaseException:
            self._drop(new)
            raise
        for table in built:
            if found := shown[table.table_id]:
                self._bring_up_to_date(found, table, replaced=table in changed)
        self._drop(self._vanished())

    def _names(self) -> set[str]:
        listed = self._tables.listed(DATAMART_BUILD)
        return {name for name, kind in listed.items() if kind == "TABLE" and _TEMPORARY not in name}

    def _like(self, built: bigquery.Table) -> bigquery.Table:
        return as_built(built, self._tables.reference(DATAMART, built.table_id))

    def _create(self, built: bigquery.Table) -> bigquery.Table:
        with failpoint("bigquery.mart"):
            return self._tables.create(self._like(built))

    def _fill(self, built: Sequence[bigquery.Table]) -> None:
        """Replace the rows of up to 100 marts at once; BigQuery has no transactions over more."""
        for start in range(0, len(built), MAX_MARTS):
            statements = [s for table in built[start : start + MAX_MARTS] for s in self._statements(table)]
            with explained(project(self._jobs.client.project)), failpoint("bigquery.show"):
                script, _ = self._jobs.script(transaction(statements), job_id("show", uuid4().hex), "show")
                script.result(retry=RETRY)

    def _statements(self, built: bigquery.Table) -> list[str]:
        target = quote(path(self._like(built)))
        inserted = ", ".join(quote(field.name) for field in built.schema)
        selected = ", ".join(f"t.{quote(field.name)}" for field in built.schema)
        return [
            f"delete from {target} as t where true",
            f"insert into {target} ({inserted}) select {selected} from {quote(path(built))} as t",
        ]

    def _bring_up_to_date(self, found: bigquery.Table, built: bigquery.Table, *, replaced: bool) -> None:
        """Columns, layout and descriptions, none of which a transaction can change."""
        if replaced:
            with failpoint("bigquery.replace_mart"):
                self._tables.replace(found, built, self._like(built))
        elif (found.schema, found.description) != (built.schema, built.description):
            with failpoint("bigquery.describe_mart"):
                self._tables.update(self._like(built), "schema", "description", "labels")

    def _vanished(self) -> list[bigquery.Table]:
        """Marts of ours that are built no more; tables that people made in the dataset are theirs."""
        names = self._tables.listed(DATAMART).keys() - self._names()
        found = (self._tables.find(DATAMART, name) for name in sorted(names))
        return [table for table in found if table and table.labels.items() >= LABELS.items()]

    def _drop(self, tables: Sequence[bigquery.Table]) -> None:
        for table in tables:
            with suppress(TillrollError), failpoint("bigquery.drop_mart"):
                self._tables.drop(table)


def _is_changed(built: bigquery.Table, shown: bigquery.Table | None) -> bool:
    """Whether rows of the one do not fit into the other, or lie there in another way."""
    return shown is not None and not (same_columns(built, shown) and same_layout(built, shown))
