"""What differs between the catalog and the source's tables: each change by itself, named for people. Pure; no I/O."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from pipeline.catalog import Catalog, Column, Table
from pipeline.column_types import normalise_type, resolve_type
from pipeline.source_schema import SourceColumn, SourceTable

_NAMED_TABLES = 10


class Kind(Enum):
    """What happened, as a sentence of a change's fields."""

    GONE = "table {was} is not there (or may not be seen){now}"
    UNLISTED = "not in the catalog: {now} of schema {was}"
    ADDED = "column {table}.{column} ({now}) is not in the catalog"
    DROPPED = "column {table}.{column} ({was}) is not there"
    RENAMED = "column {table}.{column} ({was}) is not there, and {table}.{now} is new: perhaps renamed"
    RETYPED = "column {table}.{column} is {now}, not {was}"
    LOOSENED = "column {table}.{column} may be null, and the catalog says not null"
    TIGHTENED = "column {table}.{column} is not null, and the catalog says that it may be"


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. `was` is what the catalog says, `now` what the source says; `table` is one of the catalog's."""

    kind: Kind
    table: str
    column: str = ""
    was: str = ""
    now: str = ""

    def __str__(self) -> str:
        return self.kind.value.format(table=self.table, column=self.column, was=self.was, now=self.now)


def schema_changes(catalog: Catalog, source: Mapping[str, SourceTable]) -> list[Change]:
    """Every difference, in the catalog's order; tables that only the source has are one change, the last."""
    unlisted = [table for name, table in source.items() if name not in {t.name for t in catalog}]
    changes: list[Change] = []
    for table in catalog:
        if found := source.get(table.name):
            changes += _changes(table, found)
        else:
            changes.append(
                Change(Kind.GONE, table.name, was=f"{table.schema}.{table.name}", now=_alike(table, unlisted))
            )
    if unlisted:
        changes.append(Change(Kind.UNLISTED, "", was=catalog.schema, now=_named([table.name for table in unlisted])))
    return changes


def _changes(table: Table, source: SourceTable) -> Iterator[Change]:
    now = {column.name: column for column in source.columns}
    was = {column.name: column for column in table.columns}
    added = [column for column in source.columns if column.name not in was]
    dropped = [column for column in table.columns if column.name not in now]
    renamed = dict(_renamed(dropped, added))
    for column in table.columns:
        if other := renamed.get(column.name):
            yield Change(Kind.RENAMED, table.name, column.name, column.type.source, other)
        elif column.name not in now:
            yield Change(Kind.DROPPED, table.name, column.name, column.type.source)
        else:
            yield from _altered(table, column, now[column.name])
    for new in added:
        if new.name not in renamed.values():
            yield Change(Kind.ADDED, table.name, new.name, now=new.declared)


def _altered(table: Table, column: Column, now: SourceColumn) -> Iterator[Change]:
    if normalise_type(now.type) != column.type.source:
        yield Change(Kind.RETYPED, table.name, column.name, column.type.source, normalise_type(now.type))
    if now.nullable != column.nullable:
        yield Change(Kind.LOOSENED if now.nullable else Kind.TIGHTENED, table.name, column.name)


def _renamed(dropped: Sequence[Column], added: Sequence[SourceColumn]) -> Iterator[tuple[str, str]]:
    """A column that is gone with the only new one of its type. PostgreSQL does not say what a column was called."""
    for column in dropped:
        same = [new for new in added if normalise_type(new.type) == column.type.source]
        if len(same) == 1 and [c.type.source for c in dropped].count(column.type.source) == 1:
            yield column.name, same[0].name


def _alike(table: Table, unlisted: Sequence[SourceTable]) -> str:
    """A new table with the very columns of one that is gone."""
    columns = [(column.name, column.type.source) for column in table.columns]
    alike = (t.name for t in unlisted if [(c.name, resolve_type(c.type).source) for c in t.columns] == columns)
    name = next(alike, None)
    return "" if name is None else f"; {table.schema}.{name} has its columns: perhaps renamed"


def _named(tables: Sequence[str]) -> str:
    named = ", ".join(tables[:_NAMED_TABLES])
    more = f" and {len(tables) - _NAMED_TABLES} more" if len(tables) > _NAMED_TABLES else ""
    return f"{'table' if len(tables) == 1 else 'tables'} {named}{more}"
