"""The bytes that a query scans, and that a table has, in BigQuery's sizes.

bqemulator says 0. BigQuery counts, of every table, the columns that a statement names, in the partitions that its
conditions leave: those that compare the partition column with literals, and nothing else. Sizes are the documented ones
(8 bytes an INT64, 2 and its UTF-8 bytes a STRING, 0 a NULL, …).
https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types#data_type_sizes

What is left out: clustering, which BigQuery's dry runs leave out too; the 10 MB that it bills at least; that it deletes
a whole partition without scanning it; a script counts with each of its statements, before the first has run.
"""

from typing import Any

from bqemulator.catalog.models import TableMeta
from bqemulator.storage.sql_identifiers import quoted_table_ref
from sqlglot import exp

from emulators.bigquery_places import statements
from emulators.bigquery_reads import Read, Statement

_SIZES = {"BOOLEAN": 1, "BOOL": 1, "NUMERIC": 16, "BIGNUMERIC": 32}
_OTHER_SIZE = 8
_COMPARISONS = (exp.EQ, exp.In, exp.Between, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Or)


class TooManyBytesError(Exception):
    """A query would scan more than its maximumBytesBilled."""


def check(configuration: dict[str, Any], size: int) -> None:
    """Refuse a query that would bill more than it may.

    Raises:
        TooManyBytesError: it would.
    """
    limit = configuration.get("query", {}).get("maximumBytesBilled")
    if limit and size > int(limit) and not configuration.get("dryRun"):
        raise TooManyBytesError(f"Query exceeded limit for bytes billed: {limit}. {size} or higher required.")


def scanned(context: Any, project: str, configuration: dict[str, Any]) -> int:
    """The bytes that a query's statements scan, where it asks for them: a dry run, or one that limits them; else 0."""
    query = configuration.get("query", {})
    if not (configuration.get("dryRun") or query.get("maximumBytesBilled")):
        return 0
    dataset = (query.get("defaultDataset") or {}).get("datasetId")
    return sum(
        _bytes(context.engine, read)
        for tree in statements(query.get("query") or "")
        for read in Statement(context.catalog, project, dataset, _with_values(tree, query)).reads()
    )


def _with_values(tree: exp.Expression, query: dict[str, Any]) -> exp.Expression:
    """The statement with the values of its named parameters, which leave out partitions as literals do."""
    values = {parameter.get("name"): parameter for parameter in query.get("queryParameters") or ()}

    def value(node: exp.Expression) -> exp.Expression:
        if not isinstance(node, exp.Parameter) or node.name not in values:
            return node
        given = values[node.name]
        text = exp.Literal.string(given["parameterValue"]["value"])
        return exp.cast(text, given["parameterType"]["type"], dialect="bigquery")

    return tree.transform(value)


def stored(engine: Any, table: TableMeta) -> tuple[int, int]:
    """The rows of a table, and their bytes."""
    size = " + ".join(_size(field) for field in table.schema_.fields) or "0"
    query = f"select count(*), coalesce(sum({size}), 0) from {_reference(table)}"
    rows, total = engine.execute(query).fetchone()
    return int(rows), int(total)


def _bytes(engine: Any, read: Read) -> int:
    table = read.table
    fields = [field for field in table.schema_.fields if read.columns is None or field.name in read.columns]
    if not fields or table.table_type != "TABLE":
        return 0
    query = f"select coalesce(sum({' + '.join(_size(field) for field in fields)}), 0) from {_reference(table)}"
    partitioning = table.time_partitioning
    if partitioning is not None and partitioning.field:
        pruning = [_in_duckdb(condition) for condition in read.conditions if _prunes(condition, partitioning.field)]
        if pruning:
            # rows without a day have a partition of their own
            day = f"coalesce(date_trunc('{partitioning.type}', \"{partitioning.field}\"), date '0001-01-01')"
            query += f" where {day} in (select {day} from {_reference(table)} where {' and '.join(pruning)})"
    return int(engine.execute(query).fetchone()[0])


def _prunes(condition: exp.Expression, column: str) -> bool:
    """Whether a condition compares the partition column with literals."""
    if not isinstance(condition.unnest(), _COMPARISONS) or condition.find(exp.Query, exp.Anonymous):
        return False
    return {found.name for found in condition.find_all(exp.Column)} == {column}


def _in_duckdb(condition: exp.Expression) -> str:
    alone = condition.copy()
    for column in alone.find_all(exp.Column):
        column.replace(exp.column(column.this.copy()))
    return f"({alone.sql(dialect='duckdb')})"


def _reference(table: TableMeta) -> str:
    return str(quoted_table_ref(table.project_id, table.dataset_id, table.table_id))


def _size(field: Any) -> str:
    """The bytes of a column's value, in DuckDB's SQL."""
    name, kind = f'"{field.name}"', field.type.upper()
    if field.mode == "REPEATED" or kind in ("RECORD", "STRUCT", "JSON", "STRING"):
        size = f"2 + strlen(cast({name} as varchar))"
    elif kind == "BYTES":
        size = f"2 + octet_length({name})"
    else:
        size = str(_SIZES.get(kind, _OTHER_SIZE))
    return f"case when {name} is null then 0 else {size} end"
