"""GoogleSQL's spelling of the rules: column types, canonical text, and the statements that read and publish.

Days reach every statement as literals of the partition column's own type, so that BigQuery prunes before it reads.
Relations are `project.dataset.table`. Each is read as `t` and each column as `t.column`: where a table and a column
share a name, the bare name would mean the whole row.
"""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta

from pipeline.catalog import Column, Table
from pipeline.column_types import Rule
from pipeline.fingerprint import HASH_HEX_DIGITS, NULL, SEPARATOR
from pipeline.source_sql import spans_of

# What one job may change: https://cloud.google.com/bigquery/quotas#partitioned_tables
MAX_PARTITIONS_PER_JOB = 4_000
MAX_CLUSTERING_COLUMNS = 4

_TYPES = {
    Rule.INTEGER: "INT64",
    Rule.FLOAT: "FLOAT64",
    Rule.BOOLEAN: "BOOL",
    Rule.DATE: "DATE",
    Rule.TIME: "TIME",
    Rule.DATETIME: "DATETIME",
    Rule.TIMESTAMP: "TIMESTAMP",
    Rule.BYTES: "BYTES",
    Rule.TEXT: "STRING",
}

# A project may set a time zone of its own, so every function that would ask for it is told: UTC.
_CANONICAL = {
    Rule.INTEGER: "cast({c} as string)",
    Rule.DECIMAL: "format('%.{scale}f', {c})",
    Rule.FLOAT: "format('%.16e', if({c} = 0, 0, {c}))",
    Rule.BOOLEAN: "cast({c} as string)",
    Rule.DATE: "cast({c} as string)",
    Rule.TIME: "format_time('%H:%M:%E*S', {c})",
    Rule.DATETIME: "format_datetime('%E4Y-%m-%d %H:%M:%E*S', {c})",
    Rule.TIMESTAMP: "format_timestamp('%E4Y-%m-%d %H:%M:%E*S', {c}, 'UTC')",
    Rule.BYTES: "to_hex({c})",
    Rule.TEXT: "concat(cast(char_length({c}) as string), ':', {c})",
}

_LITERALS = {
    Rule.DATE: "date '{day}'",
    Rule.DATETIME: "datetime '{day} 00:00:00'",
    Rule.TIMESTAMP: "timestamp '{day} 00:00:00+00'",
}

_ESCAPED = str.maketrans({"\\": r"\\", "'": r"\'", "`": r"\`", "\n": r"\n", "\r": r"\r"})


def quote(name: str) -> str:
    """A quoted identifier, or a quoted path `project.dataset.table`."""
    return "`" + name.translate(_ESCAPED) + "`"


def text(value: str) -> str:
    """A quoted literal."""
    return "'" + value.translate(_ESCAPED) + "'"


def column_type(column: Column) -> str:
    """The warehouse type of a column. NUMERIC holds 29 digits before the point and 9 behind it, BIGNUMERIC 38 each."""
    if column.type.rule is not Rule.DECIMAL:
        return _TYPES[column.type.rule]
    precision, scale = column.type.precision or 0, column.type.scale or 0
    return "NUMERIC" if precision - scale <= 29 and scale <= 9 else "BIGNUMERIC"


def clustering_columns(table: Table) -> tuple[str, ...]:
    """The key's columns by which BigQuery can cluster; floats, times and bytes it cannot."""
    unable = {Rule.FLOAT, Rule.TIME, Rule.BYTES}
    able = [name for name in table.key if table.column(name).type.rule not in unable]
    return tuple(able[:MAX_CLUSTERING_COLUMNS])


def inserted_columns(table: Table) -> str:
    """The table's columns, as `insert` names them."""
    return ", ".join(quote(column.name) for column in table.columns)


def selected_columns(table: Table) -> str:
    """The same columns, as `select` reads them from `t`."""
    return ", ".join(_of_row(column) for column in table.columns)


def canonical_row(table: Table) -> str:
    """The expression for the canonical text of the row `t` (see `fingerprint`)."""
    values = ", ".join(f"coalesce({canonical(column)}, {text(NULL)})" for column in table.columns)
    return f"array_to_string([{values}], {text(SEPARATOR)})"


def fingerprint_query(table: Table, relation: str) -> str:
    """Rows `(day, rows, checksum)` per partition of `relation`; day is NULL for a whole table."""
    day = _day(table) if table.is_daily else "cast(null as date)"
    query = f"select {day} as day, count(*) as row_count, {checksum(table)} as checksum from {quote(relation)} as t"
    return f"{query} group by 1" if table.is_daily else query


def checksum(table: Table) -> str:
    """The checksum over rows `t`."""
    number = f"cast(concat('0x', substr(to_hex(md5({canonical_row(table)})), 1, {HASH_HEX_DIGITS})) as int64)"
    return f"coalesce(sum(cast({number} as numeric)), 0)"


def in_days(table: Table, days: Iterable[date]) -> str:
    """A condition on `t` that holds for the rows of these partitions, with bounds around them all."""
    column, spans = table.partition_column, list(spans_of(days))
    each = " or ".join(_span(column, first, last) for first, last in spans) or "false"
    return each if len(spans) < 2 else f"{_span(column, spans[0][0], spans[-1][1])} and ({each})"


def day_chunks(days: Iterable[date]) -> Iterator[tuple[date, ...]]:
    """The days in order, as many at a time as one job may change."""
    ordered = sorted(set(days))
    for start in range(0, len(ordered), MAX_PARTITIONS_PER_JOB):
        yield tuple(ordered[start : start + MAX_PARTITIONS_PER_JOB])


def canonical(column: Column) -> str:
    """The canonical text of a column of the row `t`; NULL where it is null."""
    return _CANONICAL[column.type.rule].format(c=_of_row(column), scale=column.type.scale)


def _day(table: Table) -> str:
    column = table.partition_column
    zone = ", 'UTC'" if column.type.rule is Rule.TIMESTAMP else ""
    return f"date({_of_row(column)}{zone})"


def _span(column: Column, first: date, last: date) -> str:
    name = _of_row(column)
    begun = f"{name} >= {_literal(column, first)}"
    if last == date.max:  # the calendar ends here, in BigQuery too
        return f"({begun})"
    return f"({begun} and {name} < {_literal(column, last + timedelta(days=1))})"


def _of_row(column: Column) -> str:
    return f"t.{quote(column.name)}"


def _literal(column: Column, day: date) -> str:
    return _LITERALS[column.type.rule].format(day=day.isoformat())
