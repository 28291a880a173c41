"""Google's own reading of BigQuery's SQL: GoogleSQL's analyzer and its reference evaluator, from the `zetasql` wheel.

BigQuery's front end is this analyzer with some features switched off, so what is refused here BigQuery refuses too.
The evaluator is what GoogleSQL's engines are tested against. Neither knows partitions, prices or quotas.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import zetasql.types as google
from zetasql.api import Analyzer as GoogleAnalyzer
from zetasql.api import CatalogBuilder, PreparedQuery, TableBuilder, create_table_content
from zetasql.core.exceptions import ServerError

# Column names and their types, as BigQuery's API writes them.
Columns = Mapping[str, str]

_KINDS = {
    "INT64": google.TypeKind.TYPE_INT64,
    "FLOAT64": google.TypeKind.TYPE_DOUBLE,
    "BOOL": google.TypeKind.TYPE_BOOL,
    "NUMERIC": google.TypeKind.TYPE_NUMERIC,
    "BIGNUMERIC": google.TypeKind.TYPE_BIGNUMERIC,
    "STRING": google.TypeKind.TYPE_STRING,
    "BYTES": google.TypeKind.TYPE_BYTES,
    "DATE": google.TypeKind.TYPE_DATE,
    "TIME": google.TypeKind.TYPE_TIME,
    "DATETIME": google.TypeKind.TYPE_DATETIME,
    "TIMESTAMP": google.TypeKind.TYPE_TIMESTAMP,
}

# BigQuery's further names of INT64, which GoogleSQL elsewhere does not have.
_INTEGERS = ("INT", "SMALLINT", "INTEGER", "BIGINT", "TINYINT", "BYTEINT")

# How a load job reads a CSV field, where that is not what `cast` does.
_FROM_CSV = {
    "BOOL": "case {c} when 't' then true when 'f' then false end",
    "BYTES": "from_base64({c})",
}

_COMMENTS = re.compile(r"/\*.*?\*/|--[^\n]*", re.DOTALL)


class SqlError(Exception):
    """What Google says against a statement."""


class Analyzer:
    """Checks statements against tables. What a statement creates or drops is there, or gone, for the next."""

    def __init__(self, tables: Mapping[str, Columns]) -> None:
        """`tables` by their names, `project.dataset.table`."""
        self._tables: dict[str, dict[str, Any]] = {}
        self._checked: dict[Any, tuple[list[str], dict[str, Any]]] = {}
        for name, columns in tables.items():
            self.add(name, columns)

    def add(self, name: str, columns: Columns) -> None:
        """A table that no statement created."""
        self._tables[name] = {column: _KINDS[kind] for column, kind in columns.items()}

    def add_copy(self, name: str, original: str) -> None:
        """A table that something other than a statement made, with another's columns."""
        self._tables[name] = self._tables[original]

    def __contains__(self, name: str) -> bool:
        return name in self._tables

    def check(self, script: str) -> list[str]:
        """The kinds of the script's statements: `QueryStmt`, `DeleteStmt`, `CreateTableAsSelectStmt`, …

        The same script over the same tables is the same again, and is not read twice.

        Raises:
            SqlError: a statement is not GoogleSQL's, or its names or types do not fit.
        """
        key = script, repr(sorted(self._named(script).items()))
        if key not in self._checked:
            before = dict(self._tables)
            kinds = [kind for kind, _ in self.resolved(script)]
            names = before.keys() | self._tables.keys()
            made = {name: self._tables.get(name) for name in names if self._tables.get(name) is not before.get(name)}
            self._checked[key] = kinds, made
        kinds, made = self._checked[key]
        self._tables |= made
        self._tables = {name: columns for name, columns in self._tables.items() if columns is not None}
        return kinds

    def resolved(self, script: str) -> Iterator[tuple[str, Any]]:
        """Each statement's kind and what the analyzer made of it. Raises SqlError."""
        text = script.encode()
        place = google.ParseResumeLocation(input=script, byte_position=0)
        while _COMMENTS.sub("", text[place.byte_position :].decode()).strip(" \n\t\r;"):
            start = place.byte_position
            try:
                statement = GoogleAnalyzer(_options(), self._catalog(script)).analyze_next_statement(place)
            except ServerError as error:
                raise SqlError(f"{error}\n{text[start:].decode().strip()}") from error
            kind = type(statement).__name__.removeprefix("Resolved")
            self._keep(kind, statement)
            yield kind, statement

    def _keep(self, kind: str, statement: Any) -> None:
        if kind in {"CreateTableStmt", "CreateTableAsSelectStmt"}:
            self._tables[_path(statement)] = {c.name: c.type for c in statement.column_definition_list}
        elif kind == "CreateViewStmt":
            self._tables[_path(statement)] = {c.name: c.column.type for c in statement.output_column_list}
        elif kind == "DropStmt":
            self._tables.pop(_path(statement), None)

    def _catalog(self, script: str) -> Any:
        """Tables that a script names, in both spellings: `project.dataset.table` and `project`.`dataset`.`table`.

        Others it does not need, and each costs milliseconds.
        """
        catalog = _empty_catalog()
        for name, columns in self._named(script).items():
            *folders, table = name.split(".")
            catalog.table.append(_table(name, columns))
            _folder(catalog, folders).table.append(_table(table, columns))
        return catalog

    def _named(self, script: str) -> dict[str, dict[str, Any]]:
        plain = script.replace("`", "")
        return {name: columns for name, columns in self._tables.items() if name in plain}


def evaluated(query: str, columns: Columns, rows: Sequence[Sequence[str | None]]) -> list[tuple[str | None, ...]]:
    """The rows of a query over the table `loaded`, whose rows are these CSV fields read as these types.

    The query's columns must be STRING. Raises SqlError.
    """
    raw = _table("raw", dict.fromkeys(columns, _KINDS["STRING"]))
    catalog = _empty_catalog()
    catalog.table.append(raw)
    reading = ", ".join(
        f"{_FROM_CSV.get(kind, f'cast({{c}} as {kind})').format(c=f'r.`{name}`')} as `{name}`"
        for name, kind in columns.items()
    )
    builder = PreparedQuery.builder().set_analyzer_options(_options()).set_catalog(catalog)
    builder.set_sql(f"with loaded as (select {reading} from raw as r) {query}")
    builder.set_table_content({"raw": create_table_content([list(row) for row in rows])})
    try:
        with builder.prepare() as prepared:
            content = prepared.execute().content.table_data
    except ServerError as error:
        raise SqlError(str(error)) from error
    return [tuple(cell.string_value for cell in row.cell) for row in (content.row if content else [])]


@cache
def _options() -> Any:
    language = google.LanguageOptions.maximum_features()
    language.product_mode = google.ProductMode.PRODUCT_EXTERNAL
    language.reserved_keywords = ["QUALIFY"]
    return google.AnalyzerOptions(language_options=language)


def _empty_catalog() -> Any:
    functions = google.ZetaSQLBuiltinFunctionOptions(language_options=_options().language_options)
    catalog = CatalogBuilder("google").with_builtin_functions(functions).build()
    for name in _INTEGERS:
        integer = google.Type(type_kind=_KINDS["INT64"])
        catalog.named_type.append(google.SimpleCatalog.NamedType(name=name, type=integer))
    return catalog


def _folder(catalog: Any, names: Sequence[str]) -> Any:
    for name in names:
        found = next((inner for inner in catalog.catalog if inner.name == name), None)
        if found is None:
            found = google.SimpleCatalog(name=name, table=[], catalog=[])
            catalog.catalog.append(found)
        catalog = found
    return catalog


def _table(name: str, columns: Mapping[str, Any]) -> Any:
    builder = TableBuilder(name)
    for column, kind in columns.items():
        builder.add_column(column, kind)
    return builder.build()


def _path(statement: Any) -> str:
    return ".".join(statement.name_path)
