"""What a statement reads: tables, the columns of each that it names, and the conditions that may leave out partitions.

By BigQuery's rules: a statement that updates, deletes or merges reads all columns of its target.
https://cloud.google.com/bigquery/docs/reference/standard-sql/dml-syntax
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sqlglot
from bqemulator.catalog.models import TableMeta
from sqlglot import exp
from sqlglot.optimizer.pushdown_predicates import pushdown_predicates
from sqlglot.optimizer.pushdown_projections import pushdown_projections
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import traverse_scope


@dataclass(frozen=True)
class Read:
    """A table; no names of columns are all of them."""

    table: TableMeta
    columns: frozenset[str] | None
    conditions: tuple[Any, ...]


class Statement:
    """One statement, with names of tables that are whole."""

    def __init__(self, catalog: Any, project: str, dataset: str | None, tree: exp.Expression) -> None:
        self._catalog = catalog
        self._tree = tree.copy()
        inside = {cte.alias for cte in self._tree.find_all(exp.CTE)}
        for table in self._tree.find_all(exp.Table):
            if not table.db and dataset and table.name not in inside:
                table.set("db", exp.to_identifier(dataset))
            if table.db and not table.catalog:
                table.set("catalog", exp.to_identifier(project, quoted=True))

    def reads(self) -> Iterator[Read]:
        """All that the statement reads. What is not understood is read whole."""
        tree = self._tree
        if isinstance(tree, exp.Delete | exp.Update | exp.Merge):
            yield from self._of_change(tree)
            return
        query = tree if isinstance(tree, exp.Query) else tree.args.get("expression")
        if isinstance(tree, exp.Query | exp.Create | exp.Insert) and isinstance(query, exp.Query):
            yield from self._of_query(query)

    def _of_change(self, tree: exp.Expression) -> Iterator[Read]:
        condition = tree.args.get("on") or tree.args.get("where")
        places: tuple[Any, ...] = (tree.this, tree.args.get("using"))
        for place in places:
            if (table := self._meta(place)) is not None:
                yield Read(table, None, tuple(_conjuncts(condition, place.alias_or_name)))
        for query in tree.find_all(exp.Query):
            if query.find_ancestor(exp.Query) is None:
                yield from self._of_query(query)

    def _of_query(self, query: Any) -> Iterator[Read]:
        expanded = self._without_views(query.copy()).unnest()
        named = [meta for table in expanded.find_all(exp.Table) if (meta := self._meta(table)) is not None]
        schema: dict[str, Any] = {}
        for meta in named:
            columns = {field.name: field.type for field in meta.schema_.fields}
            schema.setdefault(meta.project_id, {}).setdefault(meta.dataset_id, {})[meta.table_id] = columns
        try:
            resolved: Any = qualify(expanded, schema=schema, dialect="bigquery", validate_qualify_columns=False)
            scopes = traverse_scope(pushdown_projections(pushdown_predicates(resolved), schema=schema))
        except (sqlglot.errors.SqlglotError, KeyError, ValueError):
            yield from (Read(meta, None, ()) for meta in named)
            return
        for scope in scopes:
            for name, source in scope.sources.items():
                if (table := self._meta(source)) is not None:
                    columns_read = frozenset(column.name for column in scope.columns if column.table == name)
                    yield Read(table, columns_read, _conditions(scope.expression, name))

    def _without_views(self, query: exp.Expression) -> exp.Expression:
        """The query, with the queries of views in their places."""
        for table in list(query.find_all(exp.Table)):
            meta = self._meta(table)
            if meta is not None and meta.view_query:
                tree: Any = sqlglot.parse_one(meta.view_query, read="bigquery")
                view = Statement(self._catalog, meta.project_id, None, tree)
                inner = exp.Subquery(this=self._without_views(view._tree))
                table.replace(exp.alias_(inner, table.alias_or_name, table=True))
        return query

    def _meta(self, place: Any) -> TableMeta | None:
        if not isinstance(place, exp.Table) or not place.db:
            return None
        return self._catalog.get_table(place.catalog, place.db, place.name)


def _conditions(query: Any, table: str) -> tuple[Any, ...]:
    """What a row of one of the query's tables must fulfil by itself."""
    joins = [join for join in query.args.get("joins") or () if not join.side or join.alias_or_name == table]
    found = [query.args.get("where"), *(join.args.get("on") for join in joins)]
    return tuple(condition for each in found for condition in _conjuncts(each, table))


def _conjuncts(condition: Any, table: str) -> list[Any]:
    """The parts of a condition that name columns of one table only."""
    condition = condition.this if isinstance(condition, exp.Where) else condition
    parts = list(condition.flatten()) if isinstance(condition, exp.And) else [condition] if condition else []
    return [part for part in parts if {column.table for column in part.find_all(exp.Column)} <= {table, ""}]
