"""How a statement becomes DuckDB's: the emulator's translation, and what is put right around it.

- A statement that reads tables of one name from two datasets: the emulator keys columns by the table's name alone, and
  takes one table's columns for the other's. Here it then goes without knowing the columns.
- What a statement says with `error('…')` comes among DuckDB's words; BigQuery says it as it is.
- `group by 1` of an expression with a parameter: it writes the expression again, and DuckDB takes its second parameter
  for another one than the first. Here the number stays.
- What functions give is put right last, when the statement is DuckDB's (`bigquery_functions`).
"""

from typing import Any

import sqlglot
from bqemulator.jobs import error_mapper, executor
from bqemulator.scripting import interpreter
from bqemulator.sql import inner_query
from sqlglot import exp

from emulators import bigquery_functions

_translate = inner_query.rewrite_and_translate_statement
_explain = error_mapper.translate_runtime_error
_OWN_WORDS = "Query execution failed: Invalid Input Error: "
_columns_of = inner_query.build_catalog_schema


def correct() -> None:
    """Put the corrections in place; before the emulator starts."""
    bigquery_functions.correct()
    inner_query.build_catalog_schema = _unambiguous
    executor.translate_runtime_error = error_mapper.translate_runtime_error = _explained
    for module in (executor, interpreter):
        module.rewrite_and_translate_statement = _translated


async def _translated(statement: str, **context: Any) -> str:
    translated: str = await _translate(statement, **context)
    try:
        tree: Any = sqlglot.parse_one(translated, read="duckdb")
    except sqlglot.errors.SqlglotError:
        return translated
    _group_parameters_by_position(tree)
    return bigquery_functions.finished(tree).sql(dialect="duckdb")


def _group_parameters_by_position(tree: Any) -> None:
    for select in tree.find_all(exp.Select):
        group = select.args.get("group")
        for grouped in list(group.expressions) if group else []:
            selected = [projection.unalias() for projection in select.expressions]
            if grouped.find(exp.Placeholder) and grouped in selected:
                grouped.replace(exp.Literal.number(selected.index(grouped) + 1))


def _explained(error: Exception, **context: Any) -> Any:
    explained = _explain(error, **context)
    if (message := getattr(explained, "message", "")).startswith(_OWN_WORDS):
        explained.message = message.removeprefix(_OWN_WORDS)
    return explained


def _unambiguous(statement: str, *, project_id: str, catalog: Any) -> dict[str, Any]:
    try:
        tree = sqlglot.parse_one(statement, read="bigquery")
    except sqlglot.errors.SqlglotError:
        return {}
    tables = {(table.name, table.db) for table in tree.find_all(exp.Table) if table.db}
    if len({name for name, _ in tables}) < len(tables):
        return {}
    columns: dict[str, Any] = _columns_of(statement, project_id=project_id, catalog=catalog)
    return columns
