"""BigQuery's types in DuckDB.

- bqemulator writes DECIMAL or DECIMAL(18, 3) for NUMERIC in SQL, and so rounds to 3 decimals; NUMERIC has 9 decimals
  and 29 digits before them.
- It takes DECIMAL(76, 38) for a BIGNUMERIC column, which DuckDB refuses, and DECIMAL(38, 5) in SQL. DuckDB's decimals
  have 38 digits, BigQuery's 76: BIGNUMERIC(p, s) is exact here up to 38 digits and refused beyond, and a BIGNUMERIC
  without parameters has 20 digits and 18 decimals.
- It forgets precision, scale, length and default of an API-created table's columns, and REQUIRED is not enforced.
"""

from typing import Any

from bqemulator.api.routes import tables
from bqemulator.domain.errors import ValidationError
from bqemulator.storage import type_map
from sqlglot import exp
from sqlglot.generators.duckdb import DuckDBGenerator

NUMERIC = "DECIMAL(38, 9)"
BIGNUMERIC = "DECIMAL(38, 18)"
MOST_DIGITS = 38
# The emulator's names of what it drops, and the API's.
_KEPT = {
    "precision": "precision",
    "scale": "scale",
    "max_length": "maxLength",
    "default_value_expression": "defaultValueExpression",
}

_datatype_sql = DuckDBGenerator.TRANSFORMS[exp.DataType]
_parse_fields = tables._parse_schema_fields
_field_to_rest = tables._field_to_rest
_columns = type_map.bq_schema_to_duckdb_columns


def correct() -> None:
    """Put the corrections in place; before the emulator starts."""
    DuckDBGenerator.TRANSFORMS[exp.DataType] = _type_in_sql
    tables._parse_schema_fields = _fields
    tables._field_to_rest = _to_rest
    tables.bq_schema_to_duckdb_columns = type_map.bq_schema_to_duckdb_columns = _columns_of


def _type_in_sql(generator: DuckDBGenerator, expression: exp.DataType) -> str:
    wide = {exp.DType.DECIMAL: NUMERIC, exp.DType.BIGDECIMAL: BIGNUMERIC}.get(expression.this)
    if wide and not expression.expressions:
        return wide
    return str(_datatype_sql(generator, expression))


def _fields(sent: list[dict[str, Any]]) -> tuple[Any, ...]:
    parsed = _parse_fields(sent)
    return tuple(
        field.model_copy(update={ours: _number(raw[theirs]) for ours, theirs in _KEPT.items() if raw.get(theirs)})
        for field, raw in zip(parsed, sent, strict=True)
    )


def _number(setting: Any) -> Any:
    return int(setting) if isinstance(setting, str) and setting.isdecimal() else setting


def _to_rest(field: Any) -> dict[str, Any]:
    rest: dict[str, Any] = _field_to_rest(field)
    for ours, theirs in _KEPT.items():
        if (setting := getattr(field, ours)) is not None:
            rest[theirs] = str(setting)
    return rest


def _columns_of(fields: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Names and DuckDB types of columns, with NOT NULL where they are REQUIRED."""
    columns = []
    for field, (name, kind) in zip(fields, _columns(fields), strict=True):
        typed = _decimal(field) if "DECIMAL" in kind and not kind.startswith("STRUCT") else kind
        columns.append((name, f"{typed} NOT NULL" if field.get("mode") == "REQUIRED" else typed))
    return columns


def _decimal(field: dict[str, Any]) -> str:
    many = "[]" if field.get("mode") == "REPEATED" else ""
    if field.get("precision") is None:
        return ({"NUMERIC": NUMERIC}.get(field["type"].upper(), BIGNUMERIC)) + many
    precision, scale = int(field["precision"]), int(field.get("scale") or 0)
    if precision > MOST_DIGITS:
        raise ValidationError(f"the emulator has {MOST_DIGITS} digits, not {precision}: column {field['name']}")
    return f"DECIMAL({precision}, {scale})" + many
