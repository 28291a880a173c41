"""Tables of BigQuery: what the catalog's look like there, and the few requests by which tables come and go.

A daily table is partitioned by its days; every table is clustered by its key.
"""

from collections.abc import Collection

from google.api_core.exceptions import NotFound
from google.cloud import bigquery

from pipeline.catalog import Table
from pipeline.failpoints import failpoint
from pipeline.google_clients import REQUEST_S
from pipeline.google_errors import RETRY, explained
from pipeline.warehouse.bigquery_datasets import Datasets
from pipeline.warehouse.bigquery_jobs import Jobs
from pipeline.warehouse.bigquery_sql import clustering_columns, column_type

LABELS = {"app": "tillroll"}

# The API answers with the names that types had before GoogleSQL.
_OLD_NAMES = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL"}


class Tables:
    """Tables in the datasets of one warehouse."""

    def __init__(self, jobs: Jobs, datasets: Datasets) -> None:
        self._jobs, self._client = jobs, jobs.client
        self._datasets = datasets
        self.resource = datasets.resource

    def reference(self, dataset: str, name: str) -> bigquery.TableReference:
        """A table of a dataset, there or not."""
        return bigquery.DatasetReference(self._client.project, dataset).table(name)

    def find(self, dataset: str, name: str) -> bigquery.Table | None:
        """The table as it is; None where there is none."""
        with explained(self.resource(dataset)):
            try:
                return self._client.get_table(self.reference(dataset, name), retry=RETRY, timeout=REQUEST_S)
            except NotFound:
                return None

    def listed(self, dataset: str) -> dict[str, str]:
        """What a dataset holds: names, and whether each is a `TABLE` or a `VIEW`."""
        if not self._datasets.exists(dataset):
            return {}
        with explained(self.resource(dataset)):
            place = bigquery.DatasetReference(self._client.project, dataset)
            return {item.table_id: item.table_type for item in self._client.list_tables(place, retry=RETRY)}

    def missing(self, dataset: str, names: Collection[str]) -> set[str]:
        """Those of the tables that are not there."""
        unlisted = sorted(set(names) - self.listed(dataset).keys())  # a list can be a little late
        return {name for name in unlisted if self.find(dataset, name) is None}

    def rows(self, table: bigquery.Table) -> list[bigquery.Row]:
        """All rows of a small table. To read them this way costs nothing."""
        with explained(self.resource(table.dataset_id)):
            return list(self._client.list_rows(table, retry=RETRY, timeout=REQUEST_S))

    def create(self, table: bigquery.Table) -> bigquery.Table:
        """Make an empty table; one that is there already stays as it is."""
        with explained(self.resource(table.dataset_id)):
            return self._client.create_table(table, exists_ok=True, retry=RETRY, timeout=REQUEST_S)

    def update(self, table: bigquery.Table, *fields: str) -> None:
        """Change these of a table's properties."""
        with explained(self.resource(table.dataset_id)):
            self._client.update_table(table, fields, retry=RETRY, timeout=REQUEST_S)

    def keep(self, table: bigquery.Table) -> None:
        """See that a published table never goes away by itself: a run killed in `replace` may have left it to."""
        if table.expires is not None:
            table.expires = None
            self.update(table, "expires")

    def drop(self, table: bigquery.Table) -> None:
        """Remove a table; nothing happens where there is none."""
        with explained(self.resource(table.dataset_id)):
            self._client.delete_table(table, not_found_ok=True, retry=RETRY, timeout=REQUEST_S)

    def replace(self, found: bigquery.Table, source: bigquery.Table, wanted: bigquery.Table) -> None:
        """Put the rows and columns of `source` in the place of all that the table `found` holds.

        That is atomic, but where rows are also laid out in another way: BigQuery refuses to do that in one step, so
        the table is gone for a moment.
        """
        if not same_layout(found, source):
            with failpoint("bigquery.make_room"):
                self.drop(found)
        self._jobs.copy(source, wanted, "replace")
        wanted.expires = None  # a copy need not go away when its source does
        self.update(wanted, "description", "labels", "expires")


def as_in_catalog(table: Table, reference: bigquery.TableReference) -> bigquery.Table:
    """A table with the catalog's columns. Any may be null: a source may drop its `not null`, and its rows arrive."""
    columns = [bigquery.SchemaField(c.name, column_type(c), description=c.type.source) for c in table.columns]
    made = bigquery.Table(reference, columns)
    if table.is_daily:
        made.time_partitioning = bigquery.TimePartitioning(
            bigquery.TimePartitioningType.DAY, field=table.partition_column.name
        )
    made.clustering_fields = list(clustering_columns(table)) or None
    made.description = table.description or None
    made.labels = LABELS
    return made


def as_built(built: bigquery.Table, reference: bigquery.TableReference) -> bigquery.Table:
    """A table like one that dbt built: its columns, layout and descriptions."""
    made = bigquery.Table(reference, built.schema)
    if built.time_partitioning:
        made.time_partitioning = built.time_partitioning
    if built.range_partitioning:
        made.range_partitioning = built.range_partitioning
    made.clustering_fields = built.clustering_fields
    made.description = built.description
    made.labels = built.labels | LABELS
    return made


def same_columns(one: bigquery.Table, other: bigquery.Table) -> bool:
    """Whether rows of the one fit the other: names and types of all columns, in order."""
    return list(map(_column, one.schema)) == list(map(_column, other.schema))


def same_partitions(one: bigquery.Table, other: bigquery.Table) -> bool:
    """Whether both are partitioned alike."""
    return _partitions(one) == _partitions(other)


def same_layout(one: bigquery.Table, other: bigquery.Table) -> bool:
    """Whether both are partitioned and clustered alike."""
    return same_partitions(one, other) and (one.clustering_fields or []) == (other.clustering_fields or [])


def path(table: bigquery.Table) -> str:
    """The table as statements name it."""
    return f"{table.project}.{table.dataset_id}.{table.table_id}"


def _column(field: bigquery.SchemaField) -> tuple[object, ...]:
    kind = _OLD_NAMES.get(field.field_type, field.field_type)
    inner = tuple(map(_column, field.fields))
    return field.name, kind, field.mode or "NULLABLE", field.precision, field.scale, inner


def _partitions(table: bigquery.Table) -> tuple[object, ...]:
    days, ranges = table.time_partitioning, table.range_partitioning
    span = ranges.range_ if ranges else None
    return (
        (days.type_, days.field) if days else None,
        (ranges.field, span.start, span.end, span.interval) if ranges and span else None,
    )
