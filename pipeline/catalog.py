"""The catalog: a typed, validated view of config/tables.yml.

Everything that must agree on a table (COPY, CSV header, warehouse table, fingerprint) is derived from the `Table` built
here, so that there is one truth about columns, keys and types.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline.column_types import ColumnType, resolve_type
from pipeline.errors import ConfigurationError
from pipeline.yaml_text import parse_yaml

# What a run does when the source's columns are no longer the catalog's (see `drift`).
DriftPolicy = Literal["freeze", "evolve"]

_NOT_NULL = " not null"

# What a stored fingerprint means: with another number, everything is published anew. 2: without rejected rows.
FINGERPRINTS = 2


@dataclass(frozen=True, slots=True)
class Column:
    """A column as PostgreSQL declares it, and what it becomes on the way."""

    name: str
    type: ColumnType
    nullable: bool

    @property
    def declaration(self) -> str:
        """The column as a catalog's file declares it: `numeric(12,2) not null`."""
        return self.type.source + ("" if self.nullable else _NOT_NULL)


@dataclass(frozen=True, slots=True)
class Table:
    """One source table. `partition` names the column whose UTC day partitions it; None for a whole table.

    `companion` names the table for its rejected rows; there, `rejects` is this table (see `rejected`).
    """

    schema: str
    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    partition: str | None
    description: str = ""
    drift: DriftPolicy = "freeze"
    companion: str = ""
    rejects: "Table | None" = None

    @property
    def is_daily(self) -> bool:
        return self.partition is not None

    @property
    def partition_column(self) -> Column:
        """The column whose UTC day partitions a daily table."""
        return self.column(self.partition or "")

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)

    @property
    def schema_id(self) -> str:
        """16 hex digits that change whenever the meaning of a stored fingerprint would."""
        types = [[c.name, c.type.source, c.type.rule.value, c.type.precision, c.type.scale] for c in self.columns]
        shape = [FINGERPRINTS, self.schema, self.partition, types, self.companion]
        if self.rejects:
            shape.append(self.rejects.schema_id)
        return hashlib.sha256(json.dumps(shape).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Catalog:
    """All tables of one source schema, in the file's order."""

    schema: str
    tables: tuple[Table, ...]
    path: Path | None = None

    def __iter__(self) -> Iterator[Table]:
        return iter(self.tables)

    def table(self, name: str) -> Table:
        """The table of this name.

        Raises:
            ConfigurationError: no such table in the catalog.
        """
        for table in self.tables:
            if table.name == name:
                return table
        known = ", ".join(table.name for table in self.tables)
        raise ConfigurationError(f"no table {name!r} in {self.path or 'the catalog'}", f"Known tables: {known}.")


class _TableEntry(BaseModel):
    model_config = ConfigDict(extra="forbid")
    description: str = ""
    key: list[str] = []
    partition: str | None = None
    drift: DriftPolicy | None = None
    columns: Annotated[dict[str, str], Field(min_length=1)]


class _CatalogFile(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)
    source_schema: Annotated[str, Field(alias="schema")]
    drift: DriftPolicy = "freeze"
    tables: Annotated[dict[str, _TableEntry], Field(min_length=1)]


def load_catalog(path: Path) -> Catalog:
    """Read and validate a catalog file.

    Raises:
        ConfigurationError: the file is missing, is not YAML, or does not describe tables; the text names the place.
    """
    try:
        content = parse_yaml(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigurationError(
            f"no catalog at {path}", "Write one with `tillroll discover`, or set TILLROLL_CATALOG to yours."
        ) from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigurationError(f"cannot read the catalog {path}: {error}", "Repair the file.") from error
    return parse_catalog(content, path)


def parse_catalog(content: Any, path: Path | None = None) -> Catalog:
    """Validate a catalog's parsed YAML. Raises ConfigurationError, naming table and column."""
    try:
        file = _CatalogFile.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise ConfigurationError(
            f"catalog {path}: {place}: {first['msg']}", "See config/tables.yml for the format."
        ) from error
    _check_names(path, ["_ledger", *file.tables])
    tables = tuple(_table(file, name, entry, path) for name, entry in file.tables.items())
    return Catalog(file.source_schema, tuple(_with_companions(tables)), path)


def _with_companions(tables: Sequence[Table]) -> Iterator[Table]:
    """Each table with its companion's name, `rejected_<table>`, which no other table has, whatever the case."""
    taken = {table.name.lower() for table in tables}
    for table in tables:
        name = f"rejected_{table.name}"
        while name.lower() in taken:
            name += "_"
        taken.add(name.lower())
        yield replace(table, companion=name)


def with_columns(table: Table, columns: Mapping[str, str], path: Path | None = None) -> Table:
    """The table with other columns, held to the rules of a file. Raises ConfigurationError."""
    entry = {"description": table.description, "key": list(table.key), "partition": table.partition}
    content = {"schema": table.schema, "tables": {table.name: entry | {"drift": table.drift, "columns": dict(columns)}}}
    return replace(parse_catalog(content, path).table(table.name), companion=table.companion)


def _check_names(path: Path | None, names: Sequence[str], of: str = "tables") -> None:
    """Warehouses do not tell names apart by case alone, and one name is the ledger's."""
    seen: dict[str, str] = {}
    for name in names:
        if other := seen.get(name.lower()):
            raise ConfigurationError(
                f"catalog {path}: {of} {other!r} and {name!r} have one name in a warehouse",
                "Names there are the same whatever their case: leave one out, or rename it in the source.",
            )
        seen[name.lower()] = name


def _table(file: _CatalogFile, name: str, entry: _TableEntry, path: Path | None) -> Table:
    _check_names(path, list(entry.columns), f"columns of {name}:")
    columns = tuple(_column(column, declaration) for column, declaration in entry.columns.items())
    drift = entry.drift or file.drift
    table = Table(file.source_schema, name, columns, tuple(entry.key), entry.partition, entry.description, drift)
    known = {column.name: column for column in columns}
    for used in [*entry.key, *([entry.partition] if entry.partition else [])]:
        if used not in known:
            raise ConfigurationError(f"catalog {path}: {name} has no column {used!r}", f"Columns: {', '.join(known)}.")
    if entry.partition and not known[entry.partition].type.has_day:
        raise ConfigurationError(
            f"catalog {path}: partition column {name}.{entry.partition} is {known[entry.partition].type.source}",
            "Only date, timestamp and timestamptz columns have a day.",
        )
    return table


def _column(name: str, declaration: str) -> Column:
    words = " ".join(declaration.split())
    nullable = not words.lower().endswith(_NOT_NULL)
    declared = words if nullable else words[: -len(_NOT_NULL)]
    return Column(name, resolve_type(declared), nullable)
