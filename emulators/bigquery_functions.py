"""GoogleSQL functions whose results differ, as DuckDB macros, and how a statement comes to call them.

- `cast(2.5 as int64)`: the emulator gives 2, BigQuery rounds half away from zero: 3.
- `cast(1.0 as string)`, `cast(numeric '1.50' as string)`: '1.0' and '1.500000000', BigQuery writes '1' and '1.5'.
- `format('%.2f', numeric)`: goes through a double; BigQuery's is exact.
- `format_timestamp('%E4Y… %E*S', …)` and its like: not understood, or six digits always; BigQuery writes four digits of
  the year, and as many of the fraction as there are.
- `date_trunc(…, isoweek)`, `…, week(monday)`: refused or wrong; BigQuery's week begins on the named day, or on Sunday.
"""

from collections.abc import Callable
from typing import Any

from sqlglot import exp
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.parsers.bigquery import BigQueryParser

_WEEK = "cast((dayofweek(x) - d + 7) % 7 as integer)"
MACROS = (
    """tillroll_int64(x) as
        case when typeof(x) in ('DOUBLE', 'FLOAT') then cast(round(try_cast(x as double)) as bigint)
        else cast(x as bigint) end""",
    """tillroll_try_int64(x) as
        case when typeof(x) in ('DOUBLE', 'FLOAT') then try_cast(round(try_cast(x as double)) as bigint)
        else try_cast(x as bigint) end""",
    """tillroll_string(x) as
        case when typeof(x) like 'DECIMAL(%' and typeof(x) not like '%,0)'
            then rtrim(rtrim(cast(x as varchar), '0'), '.')
        when typeof(x) in ('DOUBLE', 'FLOAT') then regexp_replace(cast(x as varchar), '\\.0$', '')
        else cast(x as varchar) end""",
    """tillroll_micros(u) as
        case when u = 0 then '' else '.' || rtrim(lpad(cast(u as varchar), 6, '0'), '0') end""",
    """tillroll_fraction(x TIMESTAMP) as tillroll_micros(microsecond(x) % 1000000),
        (x TIMESTAMPTZ) as tillroll_micros(microsecond(x) % 1000000),
        (x TIME) as tillroll_micros(microsecond(x) % 1000000)""",
    """tillroll_strftime(x TIMESTAMP, f) as strftime(x, f),
        (x TIMESTAMPTZ, f) as strftime(cast(x as timestamp), f),
        (x TIME, f) as strftime(date '1970-01-01' + x, f),
        (x DATE, f) as strftime(x, f)""",
    f"""tillroll_week(x DATE, d) as cast(x - {_WEEK} as date),
        (x TIMESTAMP, d) as date_trunc('day', x) - to_days({_WEEK}),
        (x TIMESTAMPTZ, d) as date_trunc('day', x) - to_days({_WEEK})""",
)
_DAYS = ("SUNDAY", "MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY")
_FORMATS = ("FORMAT_TIMESTAMP", "FORMAT_DATETIME", "FORMAT_TIME")
_TRUNCATIONS = ("DATE_TRUNC", "DATETIME_TRUNC", "TIMESTAMP_TRUNC")

# What a cast to a type becomes, and a safe one.
_CASTS = {
    exp.DType.BIGINT: ("tillroll_int64", "tillroll_try_int64"),
    exp.DType.TEXT: ("tillroll_string", "tillroll_string"),
    exp.DType.VARCHAR: ("tillroll_string", "tillroll_string"),
}

Builder = Callable[..., exp.Expression]


def correct() -> None:
    """Put the corrections in place; before the emulator starts."""
    functions = BigQueryParser.FUNCTIONS
    for name in _FORMATS:
        functions[name] = _format(functions[name])
    for name in _TRUNCATIONS:
        functions[name] = _truncation(functions[name])


def finished(tree: exp.Expression) -> exp.Expression:
    """The statement in DuckDB's dialect, with casts and formats that call the macros."""
    nodes: list[Any] = list(annotate_types(tree, dialect="duckdb").walk())
    for node in reversed(nodes):  # inside out, as what lies in a changed node is to change too
        changed = _finished(node)
        if node is tree:
            tree = changed
        elif changed is not node:
            node.replace(changed)
    return tree


def _finished(node: exp.Expression) -> exp.Expression:
    if isinstance(node, exp.Cast) and node.to.this in _CASTS and _may_differ(node.this):
        call = _call(_CASTS[node.to.this][isinstance(node, exp.TryCast)], node.this)
        call.type = node.to
        return call
    if isinstance(node, exp.Anonymous) and node.name.upper() == "PRINTF" and len(node.expressions) == 2:
        return _fixed(node, *node.expressions)
    return node


def _may_differ(value: exp.Expression) -> bool:
    """Whether a value is, or may be, a number with decimals. (A macro holds its argument several times.)"""
    return value.type is None or value.type.this in (exp.DType.UNKNOWN, *exp.DataType.REAL_TYPES)


def _fixed(call: exp.Expression, pattern: exp.Expression, value: exp.Expression) -> exp.Expression:
    """`%.2f` of a NUMERIC, which is exact; of a FLOAT64 it stays what it was."""
    words = pattern.name if isinstance(pattern, exp.Literal) else ""
    if not (words.startswith("%.") and words.endswith("f") and words[2:-1].isdecimal()):
        return call
    exact = f"cast(cast({value.sql('duckdb')} as decimal(38, {words[2:-1]})) as varchar)"
    kind = f"typeof({value.sql('duckdb')}) like 'DECIMAL(%'"
    return exp.maybe_parse(f"case when {kind} then {exact} else {call.sql('duckdb')} end", dialect="duckdb")


def _format(builder: Builder) -> Builder:
    def build(arguments: list[exp.Expression], *more: Any) -> exp.Expression:
        pattern = arguments[0].name if isinstance(arguments[0], exp.Literal) else ""
        if "%E" not in pattern:
            return builder(arguments, *more)
        return _in_parts(pattern.replace("%E4Y", "%Y"), arguments[1])

    return build


def _in_parts(pattern: str, value: exp.Expression) -> exp.Expression:
    """What lies between the `%E*S`, each of which is the seconds and what there is of a fraction."""
    before, *after = pattern.split("%E*S")
    parts = [_strftime(value, before + ("%S" if after else ""))]
    for number, between in enumerate(after, start=1):
        parts.append(_call("tillroll_fraction", value.copy()))
        if between or number < len(after):
            parts.append(_strftime(value, between + ("%S" if number < len(after) else "")))
    return exp.Paren(this=_joined(parts))


def _joined(parts: list[exp.Expression]) -> exp.Expression:
    first, *rest = parts
    for part in rest:
        first = exp.DPipe(this=first, expression=part, safe=True)
    return first


def _strftime(value: exp.Expression, pattern: str) -> exp.Expression:
    return _call("tillroll_strftime", value.copy(), exp.Literal.string(pattern))


def _truncation(builder: Builder) -> Builder:
    def build(arguments: list[exp.Expression], *more: Any) -> exp.Expression:
        unit = arguments[1].sql("bigquery").upper() if len(arguments) > 1 else ""
        first = "MONDAY" if unit == "ISOWEEK" else unit.removeprefix("WEEK").strip("()") or "SUNDAY"
        if unit not in ("ISOWEEK", "WEEK", f"WEEK({first})") or first not in _DAYS:
            return builder(arguments, *more)
        return _call("tillroll_week", arguments[0], exp.Literal.number(_DAYS.index(first)))

    return build


def _call(name: str, *arguments: exp.Expression) -> exp.Anonymous:
    return exp.Anonymous(this=name, expressions=list(arguments))
