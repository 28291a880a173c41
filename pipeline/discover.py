"""Discover: write the catalog of any PostgreSQL schema from what the database says about its own tables.

What is written is read back and held to the source before it is handed out, so that the next sync takes it as it is.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg
import yaml

from pipeline.catalog import Catalog, parse_catalog
from pipeline.catalog_text import render_catalog
from pipeline.column_types import Rule, resolve_type
from pipeline.drift import fit_catalog
from pipeline.errors import ConfigurationError
from pipeline.source_schema import SourceColumn, SourceTable, read_schema

PARTITION_COLUMN = "created_at"

# Stands for the file in errors, as there is none yet.
_WRITTEN = Path("<discovered>")

_SCHEMAS = """
select n.nspname from pg_catalog.pg_namespace n
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and exists (
    select from pg_catalog.pg_class c
    where c.relnamespace = n.oid and c.relkind in ('r', 'p', 'f') and not c.relispartition
)
order by n.nspname
"""


@dataclass(frozen=True, slots=True)
class DiscoveredTable:
    """One table as the catalog has it; `partition` is None for a whole table."""

    name: str
    partition: str | None
    key: tuple[str, ...]
    columns: int


@dataclass(frozen=True, slots=True)
class TextColumn:
    """A column that arrives as text because no rule, or no warehouse, holds its type."""

    table: str
    column: str
    type: str
    kind: str

    def __str__(self) -> str:
        kind = f" ({self.kind})" if self.kind else ""
        return f"{self.table}.{self.column}: {self.type}{kind} arrives as text"


@dataclass(frozen=True, slots=True)
class Discovery:
    """`text` is the catalog file; the rest says what is in it."""

    schema: str
    tables: tuple[DiscoveredTable, ...]
    as_text: tuple[TextColumn, ...]
    text: str


def discover(
    connection: psycopg.Connection,
    schema: str | None = None,
    tables: Collection[str] = (),
    partition_column: str = PARTITION_COLUMN,
) -> Discovery:
    """The catalog of a schema's tables, all of them or the ones named.

    A table is daily where `partition_column` is in it, may not be null, and has a day. The same tables always give the
    same text, byte for byte.

    Raises:
        ConfigurationError: no schema is named and there is not exactly one; it has no tables, or not the ones named;
            names differ only in case, which no warehouse keeps apart (see `catalog`).
    """
    chosen = schema if schema is not None else _only_schema(connection)
    found = _selected(chosen, read_schema(connection, chosen), tables)
    partitions = {table.name: _partition(table, partition_column) for table in found}
    text = render_catalog(chosen, found, partitions)
    catalog = parse_catalog(yaml.safe_load(text), _WRITTEN)
    fit_catalog(connection, catalog)
    return Discovery(chosen, tuple(_described(catalog)), tuple(_text_columns(found)), text)


def _only_schema(connection: psycopg.Connection) -> str:
    schemas = [name for (name,) in connection.execute(_SCHEMAS)]
    if not schemas:
        raise ConfigurationError(
            f"no schema of the database {connection.info.dbname} has tables",
            "Fill it, or point TILLROLL_SOURCE_URL at another database.",
        )
    if len(schemas) > 1:
        raise ConfigurationError(
            f"several schemas of the database {connection.info.dbname} have tables: {', '.join(schemas)}",
            "Choose one with --schema; a catalog describes one.",
        )
    return str(schemas[0])


def _selected(schema: str, found: Mapping[str, SourceTable], names: Collection[str]) -> list[SourceTable]:
    if not found:
        raise ConfigurationError(
            f"the schema {schema} has no tables, or is not there", "Choose another with --schema; case matters."
        )
    missing = sorted(set(names) - found.keys())
    if missing:
        raise ConfigurationError(
            f"no table {', '.join(missing)} in the schema {schema}", f"Its tables: {', '.join(found)}; case matters."
        )
    return [table for name, table in found.items() if not names or name in names]


def _partition(table: SourceTable, name: str) -> str | None:
    fits = (c.name == name and not c.nullable and resolve_type(c.type).has_day for c in table.columns)
    return name if any(fits) else None


def _described(catalog: Catalog) -> Iterable[DiscoveredTable]:
    return (DiscoveredTable(table.name, table.partition, table.key, len(table.columns)) for table in catalog)


def _text_columns(tables: Sequence[SourceTable]) -> Iterable[TextColumn]:
    for table in tables:
        for column in table.columns:
            if _becomes_text(column):
                yield TextColumn(table.name, column.name, column.declared, column.kind)


def _becomes_text(column: SourceColumn) -> bool:
    """Whether the warehouse's type may surprise: an unknown type, or a number with more digits than warehouses hold."""
    type_ = resolve_type(column.type)
    return not type_.known or (type_.rule is Rule.TEXT and type_.name == "numeric")
