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
    """Rows `(day, rows, checksum)` per partition; day is NULL for a whole table.

    `spans` are a daily table's days, both ends inclusive; None leaves the beginning open. Infinite days are always
    among the rows: no run would ever reach them. `utf8` says whether the server stores text as UTF-8, the encoding the
    checksum is defined over.
    """
    row = canonical_row(table)
    if not utf8:
        row = SQL("convert_to({}, 'UTF8')").format(row)
    checksum = SQL("sum(('x' || substr(md5({}), 1, {}))::bit({})::bigint)").format(
        row, Literal(HASH_HEX_DIGITS), Literal(HASH_HEX_DIGITS * 4)
    )
    if not table.is_daily:
        return SQL("select null::date, count(*), coalesce({}, 0) from {}").format(checksum, relation(table))
    return SQL("select {day}, count(*), {checksum} from {relation} where {bounds} or {endless} group by 1").format(
        day=_day(table),
        checksum=checksum,
        relation=relation(table),
        bounds=_within(table, spans),
        endless=_endless(table),
    )


def copy_query(table: Table, days: Iterable[date]) -> Composed:
    """COPY … TO STDOUT as CSV without a header, in the order of the key.

    A daily table's rows come day by day, each line led by its day and a comma (`2025-01-01,`): eleven bytes that say
    which file the rest of the line belongs to.
    """
    texts = [column.name for column in table.columns if column.type.rule in {Rule.TEXT, Rule.BYTES}]
    values = [SQL("{} as {}").format(copied_value(column), Identifier(column.name)) for column in table.columns]
    query = SQL("select {values} from {relation} order by {order}").format(
        values=SQL(", ").join(values), relation=relation(table), order=_order(table)
    )
    if table.is_daily:
        query = SQL("select {day}, {values} from {relation} where {days} order by {day}, {order}").format(
            day=_day(table),
            values=SQL(", ").join(values),
            relation=relation(table),
            days=_within(table, spans_of(days)),
            order=_order(table),
        )
    # Quoting what may be empty keeps it apart from a blank line and from NULL, whoever reads the file.
    quoted = SQL(", force_quote ({})").format(SQL(", ").join(map(Identifier, texts))) if texts else SQL("")
    return SQL(r"copy ({}) to stdout (format csv, null '\N'{})").format(query, quoted)


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
    return SQL(", ").join(_sort_key(table.column(name)) for name in table.key)


def _sort_key(column: Column) -> Composable:
    return (
        SQL('{} collate "C"').format(_spell("{t}", column))
        if column.type.rule is Rule.TEXT
        else Identifier(column.name)
    )


def _day(table: Table) -> Composed:
    column = table.partition_column
    if column.type.rule is Rule.TIMESTAMP:
        return SQL("({} at time zone 'UTC')::date").format(Identifier(column.name))
    return SQL("{}::date").format(Identifier(column.name))


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


def _endless(table: Table) -> Composed:
    return SQL("{} in ('infinity', '-infinity')").format(Identifier(table.partition_column.name))


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
