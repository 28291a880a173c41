"""The shop's tables in PostgreSQL: their DDL follows from config/tables.yml, the one truth about columns and keys."""

import functools
from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from ingestion.config import CONFIG_FOLDER
from ingestion.errors import ShopError


@dataclass(frozen=True, slots=True)
class ShopTable:
    """One table as the catalog has it. `columns` maps names to declarations such as `numeric(12,2) not null`."""

    name: str
    columns: dict[str, str]
    key: tuple[str, ...]
    partition: str | None

    def type_of(self, column: str) -> str:
        """The column's type without `not null`."""
        return self.columns[column].removesuffix(" not null")


@dataclass(frozen=True, slots=True)
class ShopSchema:
    """The tables of the shop, by name, in the catalog's order."""

    name: str
    tables: dict[str, ShopTable]

    def create_tables(self) -> Iterator[str]:
        """Statements that make schema and tables, without keys: those are made after the first load, in bulk."""
        yield f'create schema "{self.name}"'
        for table in self.tables.values():
            columns = ", ".join(f'"{column}" {declaration}' for column, declaration in table.columns.items())
            yield f"create table {self.qualified(table)} ({columns})"

    def create_keys(self) -> Iterator[str]:
        """Statements that add primary keys, then foreign keys and an index on each partition column."""
        for table in self.tables.values():
            yield f"alter table {self.qualified(table)} add primary key ({_quoted(table.key)})"
        for table in self.tables.values():
            for column, target in self.references(table):
                foreign_key = f'foreign key ("{column}") references {self.qualified(target)}'
                yield f"alter table {self.qualified(table)} add {foreign_key}"
            if table.partition:
                yield f'create index on {self.qualified(table)} ("{table.partition}")'

    def analyze(self) -> Iterator[str]:
        """Statements that gather statistics, which autovacuum would only do in a minute."""
        return (f"analyze {self.qualified(table)}" for table in self.tables.values())

    def references(self, table: ShopTable) -> Iterator[tuple[str, ShopTable]]:
        """Foreign keys: a column with the name of another table's key refers to that table."""
        by_key = {other.key: other for other in self.tables.values() if other is not table}
        return ((column, by_key[(column,)]) for column in table.columns if (column,) in by_key)

    def qualified(self, table: ShopTable) -> str:
        return f'"{self.name}"."{table.name}"'


def _quoted(names: tuple[str, ...]) -> str:
    return ", ".join(f'"{name}"' for name in names)


@functools.cache
def load_schema() -> ShopSchema:
    """The shop's schema. Raises ShopError when config/tables.yml is not readable."""
    path = CONFIG_FOLDER / "tables.yml"
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        tables = {
            name: ShopTable(name, entry["columns"], tuple(entry["key"]), entry["partition"])
            for name, entry in content["tables"].items()
        }
        return ShopSchema(content["schema"], tables)
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise ShopError(f"cannot read the shop's tables from {path}: {error!r}", "Restore the file.") from error
