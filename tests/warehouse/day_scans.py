"""Which days a statement reads of the tables that grow: seen in the statement, with the views it reads written out.

Conditions are moved to the scans for which they hold, as a planner moves them; sqlglot's optimizer does that. A scan is
bounded where the table's partition column is compared with literals, and with nothing else.
"""

import re
from collections.abc import Iterable, Iterator, Mapping

import sqlglot
from sqlglot import exp
from sqlglot.optimizer.pushdown_predicates import pushdown_predicates
from sqlglot.optimizer.qualify import qualify

_COMPARISONS = (exp.Between, exp.In, exp.EQ, exp.GT, exp.GTE, exp.LT, exp.LTE)
_DAY = re.compile(r"'(\d{4}-\d\d-\d\d)")

# Queries of views by the views' names; partition columns of growing tables by the tables'.
Views = Mapping[str, exp.Expression]
Growing = Mapping[str, str]


def days_named(script: str) -> set[str]:
    """Every day that stands in a literal."""
    return set(_DAY.findall(script))


def views_in(scripts: Iterable[str]) -> Views:
    """The views that these scripts create."""
    made = (tree for script in scripts for tree in _statements(script) if isinstance(tree, exp.Create))
    return {tree.this.name: tree.expression for tree in made if tree.kind == "VIEW"}


def unbounded(script: str, growing: Growing, views: Views) -> set[str]:
    """The growing tables of which a script reads or changes every day."""
    return {name for tree in _statements(script) for name in _unbounded(tree, growing, views)}


def _unbounded(tree: exp.Expression, growing: Growing, views: Views) -> Iterator[str]:
    if isinstance(tree, exp.Delete):
        yield from _scanned(tree, growing)
    if isinstance(tree, exp.Merge) and not _merged_by_day(tree, growing.get(tree.this.name)):
        yield tree.this.name
    for query in _queries(tree):
        expanded = qualify(_expanded(query.copy(), views), dialect="bigquery", validate_qualify_columns=False)
        yield from _scanned(pushdown_predicates(expanded, dialect="bigquery"), growing)


def _merged_by_day(merge: exp.Merge, column: str | None) -> bool:
    """Whether all that a merge takes out of a growing table lies on days it names, and it looks for no match."""
    if column is None:
        return True
    taken = [when for when in merge.find_all(exp.When) if not isinstance(when.args["then"], exp.Insert)]
    return merge.args["on"].sql().upper() == "FALSE" and all(
        when.args.get("condition") is not None and _bounds(when.args["condition"], column) for when in taken
    )


def _queries(tree: exp.Expression) -> Iterator[exp.Expression]:
    """What a statement reads: itself, or the query from which it creates, inserts or merges. A view is not read yet."""
    if isinstance(tree, exp.Create) and tree.kind == "VIEW":
        return
    source = tree.args.get("using") if isinstance(tree, exp.Merge) else tree.args.get("expression")
    query = tree if isinstance(tree, exp.Query) else source
    if isinstance(query, exp.Subquery):
        query = query.this
    if isinstance(query, exp.Query):
        yield query


def _expanded(query: exp.Expression, views: Views) -> exp.Expression:
    for table in list(query.find_all(exp.Table)):
        if table.db and table.name in views:
            name = exp.TableAlias(this=exp.to_identifier(table.alias_or_name))
            table.replace(exp.Subquery(this=_expanded(views[table.name].copy(), views), alias=name))
    return query


def _scanned(tree: exp.Expression, growing: Growing) -> Iterator[str]:
    for table in tree.find_all(exp.Table):
        if table.db not in {"staging", "core"} or table.name not in growing:
            continue
        around = table.find_ancestor(exp.Select, exp.Delete)
        where = around.args.get("where") if around else None
        if where is None or not _bounds(where.this, growing[table.name], table.alias_or_name):
            yield table.name


def _bounds(condition: exp.Expression, column: str, table: str | None = None) -> bool:
    """Whether a condition lets only some days pass, and a planner can tell which before it reads anything."""
    if isinstance(condition, exp.Paren):
        return _bounds(condition.this, column, table)
    if isinstance(condition, exp.And | exp.Or):
        sides = [_bounds(side, column, table) for side in (condition.this, condition.expression)]
        return any(sides) if isinstance(condition, exp.And) else all(sides)
    if not isinstance(condition, _COMPARISONS) or condition.find(exp.Select) or not condition.find(exp.Literal):
        return False
    return [(c.name, table and c.table) for c in condition.find_all(exp.Column)] == [(column, table)]


def _statements(script: str) -> list[exp.Expression]:
    return [tree for tree in sqlglot.parse(script, read="bigquery") if tree is not None]
