"""How BigQuery reads a CSV field as a value of a column's type, in DuckDB's SQL.

A field that does not fit is refused. DuckDB alone would round '1.5' to an INT64, take '24:00:00' for a TIME, and read
BYTES as text, where BigQuery wants base64.
"""

_DATE = r"\d{4}-\d{1,2}-\d{1,2}"
_TIME = r"(?:[01]?\d|2[0-3]):[0-5]?\d:[0-5]?\d(?:\.\d{1,6})?"
_ZONE = r" ?(?:Z|UTC|[+-]\d{1,2}(?::?\d{2})?)"

# What a field of a type looks like. A type that is not named here takes what DuckDB takes.
_LOOKS_LIKE = {
    "BIGINT": r"[+-]?\d+",
    "BLOB": r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?",
    "BOOLEAN": r"(?i)(?:true|t|yes|y|1|false|f|no|n|0)",
    "DATE": _DATE,
    "TIME": _TIME,
    "TIMESTAMP": rf"{_DATE}(?:[ Tt]{_TIME})?",
    "TIMESTAMP WITH TIME ZONE": rf"{_DATE}(?:[ Tt]{_TIME})?(?:{_ZONE})?",
}
_FIRST = {"DATE": "0001-01-01", "TIMESTAMP": "0001-01-01", "TIMESTAMP WITH TIME ZONE": "0001-01-01 00:00:00+00"}


def value(column: str, kind: str) -> str:
    """The field as a value of the DuckDB type `kind`; NULL where it is none."""
    if kind == "VARCHAR":
        return column
    if kind == "BOOLEAN":
        converted = f"lower({column}) in ('true', 't', 'yes', 'y', '1')"
    elif kind == "BLOB":
        converted = f"from_base64({column})"
    else:
        converted = f"try_cast({column} as {kind})"
    if kind not in _LOOKS_LIKE:
        return converted
    fits = f"regexp_full_match({column}, '{_LOOKS_LIKE[kind]}')"
    if kind in _FIRST:
        fits += f" and try_cast({column} as {kind}) >= '{_FIRST[kind]}'"
    return f"case when {fits} then {converted} end"


def is_bad(column: str, kind: str, *, required: bool) -> str:
    """Whether the field is none of the column's type, or is missing where it must not be."""
    wrong = f"({column} is not null and {value(column, kind)} is null)"
    return f"({column} is null or {wrong})" if required else wrong
