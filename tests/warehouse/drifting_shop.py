"""A small shop whose columns change: two tables and three days, each table with a key, one of them with an enum."""

from pathlib import Path
from typing import Any, Self

import duckdb
import psycopg
import yaml
from small_shop import Shop

from pipeline.discover import discover
from pipeline.snapshot import connect

CATALOG = {
    "customer": {
        "key": ["customer_id"],
        "columns": {"customer_id": "bigint not null", "name": "text", "mood": "ecommerce.mood"},
    },
    "sale": {
        "key": ["sale_id"],
        "partition": "created_at",
        "columns": {
            "sale_id": "bigint not null",
            "amount": "numeric(12,2) not null",
            "note": "text",
            "created_at": "timestamptz not null",
        },
    },
}

DDL = """
create schema ecommerce;
create type ecommerce.mood as enum ('sad', 'glad');
create table ecommerce.customer (customer_id bigint primary key, name text, mood ecommerce.mood);
insert into ecommerce.customer select i, 'customer ' || i, 'glad' from generate_series(1, 5) i;
create table ecommerce.sale (
    sale_id bigint primary key, amount numeric(12,2) not null, note text, created_at timestamptz not null
);
insert into ecommerce.sale
select i, i, 'note ' || i, timestamptz '2025-01-10 12:00Z' - i * interval '12 hours' from generate_series(0, 5) i;
"""


class DriftingShop(Shop):
    """A shop in a database that it empties first; every table has the same policy."""

    @classmethod
    def founded(cls, url: str, folder: Path) -> Self:
        shop = cls.at(url, folder)
        shop.execute("drop schema if exists ecommerce cascade;" + DDL)
        shop.policy("freeze")
        return shop

    def policy(self, policy: str) -> None:
        """Write the catalog's file with this policy for all tables."""
        content = {"schema": "ecommerce", "drift": policy, "tables": CATALOG}
        self.settings.catalog_path.write_text(yaml.safe_dump(content, sort_keys=False))

    def change(self, statements: str) -> None:
        """Change the source, one statement after another."""
        options = "-c timezone=UTC -c search_path=ecommerce"
        with psycopg.connect(self.url, autocommit=True, options=options) as connection:
            for statement in statements.split(";"):
                connection.execute(statement)  # type: ignore[call-overload]

    def take_over(self) -> None:
        """Bring the catalog's file up to date, as `tillroll discover` writes it."""
        with connect(self.url) as connection:
            self.settings.catalog_path.write_text(discover(connection).text)

    def published(self) -> dict[str, set[str]]:
        """The columns of each published table."""
        rows = self.warehouse("select table_name, column_name from duckdb_columns() where schema_name = 'staging'")
        return _by_table(rows)

    def in_source(self) -> dict[str, set[str]]:
        """The columns of each table of the source."""
        query = "select table_name, column_name from information_schema.columns where table_schema = 'ecommerce'"
        with psycopg.connect(self.url) as connection:
            return _by_table(connection.execute(query).fetchall())

    def everything(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every published row, and the ledger."""
        with duckdb.connect(self.settings.data / "warehouse" / "warehouse.duckdb") as connection:
            names = connection.execute(
                "select table_name from duckdb_tables() where schema_name = 'staging'"
            ).fetchall()
            return {name: connection.execute(f"from staging.{name} order by all").fetchall() for (name,) in names}


def _by_table(rows: list[tuple[Any, ...]]) -> dict[str, set[str]]:
    return {table: {column for name, column in rows if name == table} for table, _ in rows}
