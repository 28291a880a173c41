"""PostgreSQL's spelling of what is rejected: the condition that parts a table's rows, and what is kept of such a row.

The condition looks at values only, so that a row is on one side in every query of a snapshot. It is the same whatever
the warehouse: a laptop and the cloud publish the same rows.
"""

from collections.abc import Iterator

from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

from pipeline.catalog import Column, Table
from pipeline.column_types import Rule
from pipeline.rejected import (
    DAY,
    MAX_KEY_CHARACTERS,
    MAX_ROW_BYTES,
    MAX_SHOWN_BYTES,
    NO_DAY,
    REASON,
    ROW_KEY,
    SOURCE_ROW,
)

# concat_ws() takes at most 100 arguments.
_ARGUMENTS = 90

# Null for a null: that is a value like any other.
_OUTSIDE = "not ({c} >= '0001-01-01' and {c} < '10000-01-01')"
_FAULTS = {
    Rule.DECIMAL: (("{c} = 'NaN'", "is NaN"),),
    Rule.TIME: (("{c} = '24:00'", "is 24:00:00"),),
    Rule.DATE: (
        ("not isfinite({c})", "is infinite"),
        (f"isfinite({{c}}) and {_OUTSIDE}", "lies outside of the years 1 to 9999"),
    ),
}
_FAULTS[Rule.DATETIME] = _FAULTS[Rule.TIMESTAMP] = _FAULTS[Rule.DATE]

# The same at a glance, for every row.
_IS_FAULTY = {
    Rule.DECIMAL: "{c} = 'NaN'",
    Rule.TIME: "{c} = '24:00'",
    Rule.DATE: _OUTSIDE,
    Rule.DATETIME: _OUTSIDE,
    Rule.TIMESTAMP: _OUTSIDE,
}

# octet_length() of a text reads no more than its header. Others must be printed to be measured, which is spared where
# they are stored in little: pg_column_size() looks, it does not unpack.
_HEADED = {"text", "character varying", "bytea"}
_PRINTED_FROM_BYTES = 1_000


def is_rejected(table: Table) -> Composable:
    """A condition, true or false for every row: whether it belongs to the companion."""
    faults: list[Composable] = [
        SQL(_IS_FAULTY[c.type.rule]).format(c=Identifier(c.name))
        for c in table.columns
        if c.type.rule in _IS_FAULTY and c.name != table.partition
    ]
    if table.is_daily:
        faults.append(SQL("({}) is not true").format(has_day(table)))
    if size := _row_size(table):
        faults.append(SQL("{} > {}").format(size, Literal(MAX_ROW_BYTES)))
    return SQL("(({}) is true)").format(SQL(" or ").join(faults)) if faults else SQL("false")


def has_day(table: Table) -> Composed:
    """Whether a row's partition column names a day of the years 1 to 9999. Null where it is null."""
    return SQL("{c} >= '0001-01-01' and {c} < '10000-01-01'").format(c=Identifier(table.partition_column.name))


def perhaps_without_day(table: Table) -> Composed:
    """A condition on the bare column, so that PostgreSQL can use its index, for all rows that lie on NO_DAY."""
    return SQL("({c} is null or {c} < '0001-01-02' or {c} >= '10000-01-01')").format(
        c=Identifier(table.partition_column.name)
    )


def day_or_none(table: Table) -> Composed:
    """A row's UTC day; NO_DAY where it has none."""
    column = table.partition_column
    day = "({c} at time zone 'UTC')::date" if column.type.rule is Rule.TIMESTAMP else "{c}::date"
    return SQL("case when {} then {} else {}::date end").format(
        has_day(table), SQL(day).format(c=Identifier(column.name)), Literal(NO_DAY.isoformat())
    )


def rejected_row(table: Table) -> Composed:
    """The companion's columns, to be selected from a row of `table` that is rejected."""
    columns = [(ROW_KEY, _row_key(table)), (REASON, _reason(table)), (SOURCE_ROW, _source_row(table))]
    if table.is_daily:
        columns.insert(0, (DAY, day_or_none(table)))
    return SQL(", ").join(SQL("{} as {}").format(value, Identifier(name)) for name, value in columns)


def _row_key(table: Table) -> Composable:
    if not table.key:
        return SQL("null::text")
    names = SQL(", ").join(SQL("{}::text").format(Identifier(name)) for name in table.key)
    return SQL("left(concat_ws(', ', {}), {})").format(names, Literal(MAX_KEY_CHARACTERS))


def _reason(table: Table) -> Composed:
    reasons = list(_reasons(table)) or [SQL("null")]
    pieces = [reasons[start : start + _ARGUMENTS] for start in range(0, len(reasons), _ARGUMENTS)]
    joined = [SQL("nullif(concat_ws('; ', {}), '')").format(SQL(", ").join(piece)) for piece in pieces]
    return SQL("concat_ws('; ', {})").format(SQL(", ").join(joined))


def _reasons(table: Table) -> Iterator[Composable]:
    for column in table.columns:
        name = Identifier(column.name)
        for condition, says in _FAULTS.get(column.type.rule, ()):
            yield SQL("case when {} then {} end").format(
                SQL(condition).format(c=name), Literal(f"{column.name} {says}")
            )
        if column.name == table.partition:
            yield SQL("case when {} is null then {} end").format(name, Literal(f"{column.name} is null: no day"))
    if size := _row_size(table):
        too_large = SQL("'the row has ' || {size} || ' bytes of text, more than ' || {most}").format(
            size=size, most=Literal(MAX_ROW_BYTES)
        )
        yield SQL("case when {} > {} then {} end").format(size, Literal(MAX_ROW_BYTES), too_large)
        yield SQL("case when {} > {} then 'too large to be shown' end").format(size, Literal(MAX_SHOWN_BYTES))


def _source_row(table: Table) -> Composed:
    """The row as JSON. Not jsonb, which refuses some of what a json may hold."""
    columns = SQL(", ").join(Identifier(column.name) for column in table.columns)
    row = SQL("(select to_json(shown.*)::text from (select {}) as shown)").format(columns)
    if size := _row_size(table):
        return SQL("case when {} <= {} then {} end").format(size, Literal(MAX_SHOWN_BYTES), row)
    return row


def _row_size(table: Table) -> Composable | None:
    """The bytes of all columns that can be long; None where none can."""
    sizes = [_size(column) for column in table.columns if not column.type.is_bounded]
    return SQL("(0::bigint + {})").format(SQL(" + ").join(sizes)) if sizes else None


def _size(column: Column) -> Composed:
    name = Identifier(column.name)
    if column.type.name in _HEADED:
        return SQL("coalesce(octet_length({}), 0)").format(name)
    return SQL("case when pg_column_size({c}) > {few} then octet_length({c}::text) else 0 end").format(
        c=name, few=Literal(_PRINTED_FROM_BYTES)
    )
