"""PostgreSQL's spelling of the rules: what COPY writes for a column, its canonical text, and the queries built of them.

Expressions assume the session that `snapshot` opens (UTC, ISO dates, exact floats), so that a value's text depends on
the value alone. Names are quoted by psycopg; literals are never pasted.
"""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta

from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

from pipeline.catalog import Column, Table
from pipeline.column_types import Rule
from pipeline.fingerprint import HASH_HEX_DIGITS, NULL, SEPARATOR
from pipeline.rejected import NO_DAY, rejected_table
from pipeline.source_rejected import day_or_none, is_rejected, perhaps_without_day, rejected_row

# concat_ws() takes at most 100 arguments; wider rows are joined in pieces.
_ARGUMENTS = 90

# `c` is the column. Numbers, booleans and dates print canonically by themselves.
_CANONICAL = {
    Rule.INTEGER: "{c}::text",
    Rule.DECIMAL: "{c}::text",
    # %.16e of the double is the same digits in every engine; adding zero turns -0 into 0.
    Rule.FLOAT: (
        "case when {c} = 'NaN' then 'nan' when {c} = 'Infinity' then 'inf' when {c} = '-Infinity' then '-inf'"
        " else ltrim(to_char({c}::double precision + 0, '9.9999999999999999EEEE')) end"
    ),
    Rule.BOOLEAN: "{c}::text",
    Rule.DATE: "{c}::text",
    Rule.TIME: "{c}::text",
    Rule.DATETIME: "{c}::text",
    Rule.TIMESTAMP: "({c} at time zone 'UTC')::text",
    Rule.BYTES: "encode({c}, 'hex')",
    Rule.TEXT: "length({t}) || ':' || {t}",
}

_COPIED = {
    # A real is widened, so that the double in the warehouse is the very same number.
    Rule.FLOAT: "{c}::double precision",
    # Base64 is what warehouses read; encode() breaks lines as MIME does.
    Rule.BYTES: "replace(encode({c}, 'base64'), E'\\n', '')",
    Rule.TEXT: "{t}",
}

# Already text; every other TEXT type is cast (which also cuts the padding of char(n), as SQL comparisons do).
_TEXT_TYPES = ("text", "character varying")


def copied_value(column: Column) -> Composable:
    """The expression whose CSV text COPY writes for this column."""
    return _spell(_COPIED.get(column.type.rule, "{c}"), column)


def canonical_row(table: Table) -> Composed:
    """The expression for a row's canonical text (see `fingerprint`)."""
    texts = [SQL("coalesce({}, {})").format(_spell(_CANONICAL[c.type.rule], c), Literal(NULL)) for c in table.columns]
    pieces = [texts[start : start + _ARGUMENTS] for start in range(0, len(texts), _ARGUMENTS)]
    joined = [SQL("concat_ws({}, {})").format(Literal(SEPARATOR), SQL(", ").join(piece)) for piece in pieces]
    return SQL(f" || '{SEPARATOR}' || ").join(joined)


def fingerprint_query(table: Table, spans: Iterable[tuple[date | None, date]], *, utf8: bool) -> Composed:
    """Rows `(day, rejected, rows, checksum)` per partition of a source table and of its companion.

    `spans` are a daily table's days, both ends inclusive; None leaves the beginning open. Rows without a day are always
    among them, as no run would ever reach them, and with them those of the companion's NO_DAY; `day` is NULL for a
    whole table. `utf8` says whether the server stores text as UTF-8, the encoding the checksum is defined over.
    """
    rejected = is_rejected(table)
    row = SQL("case when {} then {} else {} end").format(rejected, _canonical_rejected(table), canonical_row(table))
    if not utf8:
        row = SQL("convert_to({}, 'UTF8')").format(row)
    checksum = SQL("sum(('x' || substr(md5({}), 1, {}))::bit({})::bigint)").format(
        row, Literal(HASH_HEX_DIGITS), Literal(HASH_HEX_DIGITS * 4)
    )
    day: Composable = SQL("null::date")
    within: Composable = SQL("true")
    if table.is_daily:
        day, within = day_or_none(table), SQL("{} or {}").format(_within(table, spans), perhaps_without_day(table))
    return SQL("select {}, {}, count(*), {} from {} where {} group by 1, 2").format(
        day, rejected, checksum, relation(table), within
    )


def copy_query(table: Table, days: Iterable[date]) -> Composed:
    """COPY … TO STDOUT as CSV without a header, in the order of the key. A companion's rows are made of its source's.

    A daily table's rows come day by day, each line led by its day and a comma (`2025-01-01,`): eleven bytes that say
    which file the rest of the line belongs to.
    """
    texts = [column.name for column in table.columns if column.type.rule in {Rule.TEXT, Rule.BYTES}]
    values: list[Composable] = [
        SQL("{} as {}").format(copied_value(column), Identifier(column.name)) for column in table.columns
    ]
    order = _order(table)
    if table.is_daily:
        day = Identifier(table.partition_column.name) if table.rejects else day_or_none(table)
        values, order = [day, *values], SQL("{}, {}").format(day, order)
    rows = _rejected_rows(table, days) if table.rejects else _rows(table, days)
    query = SQL("select {values} from {rows} order by {order}").format(
        values=SQL(", ").join(values), rows=rows, order=order
    )
    # Quoting what may be empty keeps it apart from a blank line and from NULL, whoever reads the file.
    quoted = SQL(", force_quote ({})").format(SQL(", ").join(map(Identifier, texts))) if texts else SQL("")
    return SQL(r"copy ({}) to stdout (format csv, null '\N'{})").format(query, quoted)


def _rows(table: Table, days: Iterable[date]) -> Composed:
    """The rows of these days that a warehouse holds."""
    bounds = _within(table, spans_of(days)) if table.is_daily else SQL("true")
    return SQL("{} where {} and not {}").format(relation(table), bounds, is_rejected(table))


def _rejected_rows(companion: Table, days: Iterable[date]) -> Composed:
    """The companion's rows of these days."""
    source = companion.rejects or companion
    bounds: Composable = SQL("true")
    if source.is_daily:
        named = set(days)
        known = _within(source, spans_of(named - {NO_DAY}))
        bounds = SQL("({} or {})").format(known, perhaps_without_day(source)) if NO_DAY in named else known
    return SQL("(select {} from {} where {} and {}) as rejected").format(
        rejected_row(source), relation(source), bounds, is_rejected(source)
    )


def _canonical_rejected(table: Table) -> Composed:
    """The canonical text of the companion's row for a row of `table`."""
    return SQL("(select {} from (select {}) as rejected)").format(
        canonical_row(rejected_table(table)), rejected_row(table)
    )


def relation(table: Table) -> Identifier:
    """The table's quoted, qualified name."""
    return Identifier(table.schema, table.name)


def _spell(template: str, column: Column) -> Composed:
    name = Identifier(column.name)
    text = name if column.type.name in _TEXT_TYPES else SQL("{}::text").format(name)
    return SQL(template).format(c=name, t=text)


def _order(table: Table) -> Composed:
    """A total order that does not depend on the server's locale: the key, or the whole row where there is none."""
    if not table.key:
        return SQL('{} collate "C"').format(canonical_row(table))
    return SQL(", ").join(_sort_key(table, table.column(name)) for name in table.key)


def _sort_key(table: Table, column: Column) -> Composable:
    if column.type.rule is Rule.TEXT:
        return SQL('{} collate "C"').format(_spell("{t}", column))
    # By its bare name it would be what is selected under that name.
    return Identifier(table.schema, table.name, column.name)


def _between(table: Table, first: date | None, last: date) -> Composable:
    """A condition on the bare column, so that PostgreSQL can use its index. Days are UTC, as the session is."""
    column = Identifier(table.partition_column.name)
    before_end = SQL("{} < {}").format(column, Literal(_day_after(last)))
    if first is None:
        return before_end
    return SQL("{} >= {} and {}").format(column, Literal(first.isoformat()), before_end)


def _day_after(day: date) -> str:
    """PostgreSQL's calendar goes on where Python's ends."""
    return "10000-01-01" if day == date.max else (day + timedelta(days=1)).isoformat()


def _within(table: Table, spans: Iterable[tuple[date | None, date]]) -> Composable:
    bounds = [SQL("({})").format(_between(table, first, last)) for first, last in spans]
    return SQL("({})").format(SQL(" or ").join(bounds)) if bounds else SQL("false")


def spans_of(days: Iterable[date]) -> Iterator[tuple[date, date]]:
    """The days as unbroken spans, both ends inclusive: 1, 2, 3, 7 is (1, 3), (7, 7)."""
    span: tuple[date, date] | None = None
    for day in sorted(set(days)):
        if span and day - span[1] == timedelta(days=1):
            span = (span[0], day)
            continue
        if span:
            yield span
        span = (day, day)
    if span:
        yield span
