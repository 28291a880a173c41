"""docs/reliability.md says what a run does when the source's columns change: each row of its table is run here."""

import re
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from small_shop import Shop

from pipeline.discover import discover
from pipeline.errors import SchemaDriftError
from pipeline.settings import ROOT
from pipeline.snapshot import connect

PAGE = (ROOT / "docs" / "reliability.md").read_text("utf-8").split("\n## When the source's columns change\n")[1]
ROWS = re.findall(r"^\| [^|]+ \| `([^`]+)` \| (\w[\w ]*) \| (\w[\w ]*) \|$", PAGE.split("\n## ")[0], re.MULTILINE)
pytestmark = pytest.mark.slow

# How the lines end that a run says about it.
SAID = {
    "stops": "the run stops",
    "left out": "not moved",
    "followed": "is published anew with all its history",
    "arrives": "nulls arrive",
    "set apart": "rows without a day go to rejected_sale",
}

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
    """A shop of two tables and three days, in a database that it empties first."""

    @classmethod
    def founded(cls, url: str, folder: Path) -> "DriftingShop":
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
        return {table: self.warehouse(f"from staging.{table} order by all") for table in self.published()}

    def require(self, outcome: str, policy: str, columns: dict[str, set[str]]) -> None:
        """Run, and see that this comes of it. `columns` are those that were published before the source changed."""
        if outcome == "stops":
            before = self.everything()
            with pytest.raises(SchemaDriftError, match=rf"\(drift: {policy}\): .*{SAID[outcome]}"):
                self.sync()
            assert self.everything() == before
            return
        said = self.sync().extract.warnings
        assert self.audit().equal
        assert all(line.endswith(SAID[outcome]) for line in said)
        assert self.published() == (columns | self.in_source() if outcome == "followed" else columns)
        if outcome != "arrives":
            again = self.sync()
            assert again.publish.nothing_to_do
            assert again.extract.warnings == (() if outcome == "followed" else said)


def _by_table(rows: list[tuple[Any, ...]]) -> dict[str, set[str]]:
    return {table: {column for name, column in rows if name == table} for table, _ in rows}


def test_every_row_of_the_table_is_run() -> None:
    assert len(ROWS) == PAGE.split("\n## ")[0].count("\n| ") - 1
    assert {row[n] for row in ROWS for n in (1, 2)} == SAID.keys()


@pytest.mark.parametrize(("change", "freeze", "evolve"), ROWS)
def test_a_change_of_the_source_does_what_the_document_says(
    shop_url_of_module: str, tmp_path: Path, change: str, freeze: str, evolve: str
) -> None:
    shop = DriftingShop.founded(shop_url_of_module, tmp_path)
    assert shop.sync().extract.warnings == ()
    columns = shop.published()
    shop.change(change)

    shop.require(freeze, "freeze", columns)
    shop.policy("evolve")
    shop.require(evolve, "evolve", columns)

    shop.take_over()
    assert shop.sync().extract.warnings == ()
    assert shop.audit().equal
    assert shop.published() == columns | shop.in_source()
