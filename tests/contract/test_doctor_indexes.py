"""The doctor names daily tables of which every run would read all rows, and the statement that it gives helps."""

from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr

from pipeline.catalog import Catalog, parse_catalog
from pipeline.doctor import examine
from pipeline.finding import Verdict
from pipeline.settings import Settings
from pipeline.source_indexes import unindexed

# A thousand pages, and few rows: each fills one.
LARGE = """
create schema shop;
create table shop.sale (id bigint not null, pad text, at timestamptz not null){partitioned};
{partitions}
alter table shop.sale alter pad set storage plain;
insert into shop.sale select i, repeat('x', 7000), timestamptz '2025-01-01Z' + i * interval '1 hour'
from generate_series(1, {rows}) i;
"""
BY_DAY = ("partition by range (at)", "create table shop.sale_1 partition of shop.sale default;")
BY_ID = (
    "partition by hash (id)",
    "create table shop.sale_1 partition of shop.sale for values with (modulus 1, remainder 0);",
)
PLAIN = ("", "")
CATALOG = """
schema: shop
tables:
  sale: {key: [id], partition: at, columns: {id: bigint not null, pad: text, at: timestamptz not null}}
"""


def catalog() -> Catalog:
    columns = {"id": "bigint not null", "pad": "text", "at": "timestamptz not null"}
    return parse_catalog({"schema": "shop", "tables": {"sale": {"partition": "at", "columns": columns}}})


def made(url: str, kind: tuple[str, str], rows: int = 1_000) -> psycopg.Connection:
    connection = psycopg.connect(url, autocommit=True)
    partitioned, partitions = kind
    connection.execute(LARGE.format(partitioned=partitioned, partitions=partitions, rows=rows))  # type: ignore[arg-type]
    return connection


def test_a_large_table_without_an_index_is_named_with_the_statement_that_helps(shop_url: str, tmp_path: Path) -> None:
    (tmp_path / "tables.yml").write_text(CATALOG)
    settings = Settings(
        source="external", source_url=SecretStr(shop_url), catalog=tmp_path / "tables.yml", data_dir=tmp_path
    )
    with made(shop_url, PLAIN) as connection:
        (found,) = (f for f in examine(settings) if f.check == "source" and f.verdict is Verdict.WARN)
        assert found.detail == "sale (7 MiB) has no index that begins with at: every run reads all of it"
        statement = found.remedy.split("`")[1]
        assert statement == 'create index concurrently on "shop"."sale" ("at")'

        connection.execute(statement.encode())
        assert list(unindexed(connection, catalog())) == []


def test_so_is_one_that_is_partitioned_by_something_else(shop_url: str) -> None:
    with made(shop_url, BY_ID) as connection:
        (found,) = unindexed(connection, catalog())
        connection.execute(found.remedy.split("`")[1].encode())
        assert list(unindexed(connection, catalog())) == []


@pytest.mark.parametrize(
    "index",
    ["(id, at)", "(at) where id > 5", "(date(at at time zone 'UTC'))", "using hash (at)"],
)
def test_an_index_that_cannot_find_a_days_rows_is_none(shop_url: str, index: str) -> None:
    with made(shop_url, PLAIN) as connection:
        connection.execute(f"create index on shop.sale {index}".encode())
        assert [found.table.name for found in unindexed(connection, catalog())] == ["sale"]


@pytest.mark.parametrize("index", ["(at, id)", "using brin (at)", "(at desc)"])
def test_any_that_can_is_enough(shop_url: str, index: str) -> None:
    with made(shop_url, PLAIN) as connection:
        connection.execute(f"create index on shop.sale {index}".encode())
        assert list(unindexed(connection, catalog())) == []


def test_partitions_by_the_day_are_enough(shop_url: str) -> None:
    with made(shop_url, BY_DAY) as connection:
        assert list(unindexed(connection, catalog())) == []


def test_a_small_table_and_a_view_need_none(shop_url: str) -> None:
    with made(shop_url, PLAIN, rows=900) as connection:
        assert list(unindexed(connection, catalog())) == []
        connection.execute("alter table shop.sale rename to rows; create view shop.sale as select * from shop.rows")
        assert list(unindexed(connection, catalog())) == []
