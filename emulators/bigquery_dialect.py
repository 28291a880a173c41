"""GoogleSQL that bqemulator takes for something else. What is corrected, in its translation to DuckDB's SQL:

- `create table t (columns) as (select …)`, which is how dbt writes a model with a contract: it overlooks a query in
  parentheses, and DuckDB knows no table that has both. A column that must not be null holds none here either.
- `amount * 0.01`: a literal beside a NUMERIC is a NUMERIC too. It makes every literal, and so the product, a float.

It also parses a statement anew for each of its rules, about twenty times, which took most of its time. Here a text is
parsed once, and each of them gets a copy.
"""

from functools import lru_cache
from typing import Any

from bqemulator.sql import translator
from bqemulator.sql.rewriter import create_table_schema_ctas
from sqlglot import exp
from sqlglot.dialects.dialect import Dialect

_first_select = create_table_schema_ctas._first_select
_cast_projections = create_table_schema_ctas._cast_projections_to_schema
_parse = Dialect.parse


def correct() -> None:
    """Put the corrections in place; before the emulator starts."""
    create_table_schema_ctas._first_select = _first_select_in_parentheses
    create_table_schema_ctas._cast_projections_to_schema = _cast_and_held
    translator.rewrite_decimal_literals = str
    Dialect.parse = _copy_of_parsed  # type: ignore[assignment, method-assign]


def _first_select_in_parentheses(body: exp.Expression | None) -> Any:
    while isinstance(body, exp.Subquery):
        body = body.this
    return _first_select(body)


def _cast_and_held(columns: list[exp.ColumnDef], projections: list[exp.Expression]) -> Any:
    """The selected expressions, cast to the columns' types; where a column must not be null, null is an error."""
    selected = _cast_projections(columns, projections)
    for column, projection in zip(columns, selected, strict=True):
        required = any(isinstance(constraint.kind, exp.NotNullColumnConstraint) for constraint in column.constraints)
        if required and column.kind:
            refused = exp.func("error", exp.Literal.string(f"Required field {column.name} cannot be null"))
            projection.set("this", exp.func("coalesce", projection.this, exp.cast(refused, column.kind)))
    return selected


def _copy_of_parsed(dialect: Dialect, sql: str, **options: Any) -> list[Any]:
    if options or dialect.settings:
        return _parse(dialect, sql, **options)
    return [statement and statement.copy() for statement in _parsed(type(dialect), sql)]


@lru_cache(maxsize=64)
def _parsed(dialect: type[Dialect], sql: str) -> list[Any]:
    return _parse(dialect(), sql)
