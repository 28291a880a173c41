"""The shop's tables are those of the catalog, and every value arrives in them as it was drawn."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import psycopg
import pytest
from shop_state import FIRST, SMALL

from ingestion.main_ingestion import ingest
from ingestion.rows import day_number
from ingestion.schema import load_schema
from ingestion.shop import Shop

NUMBER = day_number(FIRST)


@pytest.fixture
def connection(shop_url: str) -> Iterator[psycopg.Connection]:
    ingest(shop_url, FIRST, SMALL)
    with psycopg.connect(shop_url) as connection:
        connection.execute("set timezone to 'UTC'")
        yield connection


def test_columns_are_those_of_the_catalog(connection: psycopg.Connection) -> None:
    """Compared with a table that PostgreSQL itself makes of each declaration."""
    described = (
        "select attname, format_type(atttypid, atttypmod), attnotnull from pg_attribute"
        " where attrelid = %s::regclass and attnum > 0 order by attnum"
    )
    for table in load_schema().tables.values():
        declared = ", ".join(f'"{name}" {declaration}' for name, declaration in table.columns.items())
        connection.execute(f"create temporary table model ({declared})")
        model = connection.execute(described, ("model",)).fetchall()
        assert connection.execute(described, (load_schema().qualified(table),)).fetchall() == model
        connection.execute("drop table model")


def test_every_table_has_its_keys_and_index(connection: psycopg.Connection) -> None:
    constraints = connection.execute(
        "select conrelid::regclass::text, contype::text, pg_get_constraintdef(oid) from pg_constraint"
        " where connamespace = 'ecommerce'::regnamespace and contype in ('p', 'f')"
    ).fetchall()
    keys = {(table.removeprefix("ecommerce."), rule) for table, kind, rule in constraints if kind == "p"}
    assert keys == {(t.name, f"PRIMARY KEY ({', '.join(t.key)})") for t in load_schema().tables.values()}
    references = {
        (table.split(".")[1], rule.split("ecommerce.")[1].split("(")[0])
        for table, kind, rule in constraints
        if kind == "f"
    }
    assert references == {
        ("session", "customer"), ("session", "store"),
        ("transaction", "session"), ("transaction", "customer"),
        ("transaction", "store"), ("transaction", "payment_method"),
        ("transaction_item", "transaction"), ("transaction_item", "product"),
        ("review", "product"), ("review", "customer"), ("review", "transaction"),
    }  # fmt: skip
    indexed = connection.execute(
        "select tablename from pg_indexes where schemaname = 'ecommerce' and indexdef like '%(created_at)' order by 1"
    ).fetchall()
    assert [name for (name,) in indexed] == ["review", "session", "transaction", "transaction_item"]


def test_nothing_but_the_catalogs_tables_is_in_the_schema(connection: psycopg.Connection) -> None:
    found = connection.execute("select tablename from pg_tables where schemaname = 'ecommerce'").fetchall()
    assert {name for (name,) in found} == set(load_schema().tables)


def test_text_arrives_as_written(connection: psycopg.Connection) -> None:
    drawn = Shop(SMALL, NUMBER, NUMBER)
    for day in drawn.history:
        reviews = drawn.reviews(day)
        ids = [int(n) for n in reviews["review_id"]]
        query = "select title, body from ecommerce.review where review_id = any(%s) order by review_id"
        stored = connection.execute(query, (ids,)).fetchall()
        assert stored == list(zip(reviews["title"], reviews["body"], strict=True))


def test_numbers_and_instants_arrive_as_drawn(connection: psycopg.Connection) -> None:
    drawn = Shop(SMALL, NUMBER, NUMBER).products.founding()
    stored = connection.execute(
        "select product_id, unit_cost, weight_kg, is_active, created_at from ecommerce.product order by 1"
    ).fetchall()
    assert stored == [
        (
            int(drawn["product_id"][n]),
            Decimal(int(drawn["unit_cost"][n])) / 100,
            None if drawn["weight_kg"].mask[n] else Decimal(int(drawn["weight_kg"][n])) / 1000,
            bool(drawn["is_active"][n]),
            datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(drawn["created_at"][n])),
        )
        for n in range(len(stored))
    ]
    assert any(row[2] is None for row in stored)


def test_days_are_utc(connection: psycopg.Connection) -> None:
    row = connection.execute("select min(created_at)::date, max(created_at)::date from ecommerce.session").fetchone()
    assert row == (date(2025, 1, 22), FIRST)
