"""DuckDB's spelling of the rules: column types, how a CSV field becomes a value, canonical text, and their queries."""

from collections.abc import Iterable, Sequence
from datetime import date

from pipeline.catalog import Column, Table
from pipeline.column_types import Rule
from pipeline.fingerprint import HASH_HEX_DIGITS, NULL, SEPARATOR
from pipeline.source_sql import spans_of

_TYPES = {
    Rule.INTEGER: "bigint",
    Rule.FLOAT: "double",
    Rule.BOOLEAN: "boolean",
    Rule.DATE: "date",
    Rule.TIME: "time",
    Rule.DATETIME: "timestamp",
    Rule.TIMESTAMP: "timestamp",  # UTC; dbt and readers meet one timestamp type
    Rule.BYTES: "blob",
    Rule.TEXT: "varchar",
}

_CANONICAL = {
    Rule.FLOAT: "format('{{:.16e}}', case when {c} = 0 then 0 else {c} end)",
    Rule.BYTES: "lower(hex({c}))",
    Rule.TEXT: "length({c}) || ':' || {c}",
}

# DuckDB reads CSV by the buffer, and a line must fit in one. Small buffers keep memory flat.
_BUFFER_BYTES = 8_000_000
_LINE_BYTES = 2_000_000

LEDGER_COLUMNS = (
    "table_name varchar not null, partition varchar not null, rows bigint not null, checksum hugeint not null, "
    "schema_id varchar not null, sequence bigint not null, run_day date not null, published_at timestamp not null"
)


def quote(name: str) -> str:
    """A quoted identifier."""
    return '"' + name.replace('"', '""') + '"'


def text(value: str) -> str:
    """A quoted literal."""
    return "'" + value.replace("'", "''") + "'"


def column_type(column: Column) -> str:
    """The warehouse type of a column."""
    if column.type.rule is Rule.DECIMAL:
        return f"decimal({column.type.precision},{column.type.scale})"
    return _TYPES[column.type.rule]


def column_definitions(table: Table) -> str:
    """The column list of `create table`, without `not null`: a source may drop its own, and its rows still arrive."""
    return ", ".join(f"{quote(c.name)} {column_type(c)}" for c in table.columns)


def csv_rows(table: Table, paths: Sequence[str], longest_line: int) -> str:
    """A query for the typed rows of a table's CSV files. Nothing is guessed: any other text is an error.

    `longest_line` is the longest of the files' lines, in bytes.
    """
    line_bytes = max(_LINE_BYTES, longest_line + 1)
    types = ", ".join(
        f"{text(c.name)}: {text('varchar' if c.type.rule is Rule.BYTES else column_type(c))}" for c in table.columns
    )
    values = ", ".join(
        f"from_base64({quote(c.name)})" if c.type.rule is Rule.BYTES else quote(c.name) for c in table.columns
    )
    files = ", ".join(map(text, paths))
    double_quote = text('"')
    # Where threads share a file, one may begin inside a text and take it for lines.
    parallel = str(not any(c.type.rule is Rule.TEXT for c in table.columns)).lower()
    options = (
        f"header = true, auto_detect = false, strict_mode = true, parallel = {parallel}, delim = ',', "
        rf"quote = {double_quote}, escape = {double_quote}, nullstr = '\N', allow_quoted_nulls = false, "
        f"max_line_size = {line_bytes}, buffer_size = {max(_BUFFER_BYTES, 2 * line_bytes)}"
    )
    return f"select {values} from read_csv([{files}], columns = {{{types}}}, {options})"


def fingerprint_query(table: Table, relation: str) -> str:
    """Rows `(day, rows, checksum)` per partition of `relation`; day is NULL for a whole table."""
    canonical = ", ".join(
        f"coalesce({_CANONICAL.get(c.type.rule, '{c}::varchar').format(c=quote(c.name))}, {text(NULL)})"
        for c in table.columns
    )
    row = f"concat_ws({text(SEPARATOR)}, {canonical})"
    checksum = f"coalesce(sum(('0x' || substr(md5({row}), 1, {HASH_HEX_DIGITS}))::bigint), 0)"
    if not table.is_daily:
        return f"select null::date, count(*), {checksum} from {relation}"
    return f"select {_day(table)}, count(*), {checksum} from {relation} group by 1"


def in_days(table: Table, days: Iterable[date]) -> str:
    """A condition that holds for the rows of these partitions."""
    column = quote(table.partition_column.name)
    spans = (f"({column} >= {_date(first)} and {column} < {_date(last)} + 1)" for first, last in spans_of(days))
    return " or ".join(spans) or "false"


def _day(table: Table) -> str:
    return f"{quote(table.partition_column.name)}::date"


def _date(day: date) -> str:
    return f"date {text(day.isoformat())}"
