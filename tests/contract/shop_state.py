"""A small shop for tests against PostgreSQL, and everything a database holds of it, for comparing two of them."""

from datetime import date
from typing import LiteralString

import psycopg
from psycopg import sql

from ingestion.config import IngestionConfig, Shares, Volumes

FIRST = date(2025, 1, 31)
SMALL = IngestionConfig(
    history_days=10,
    volumes=Volumes(customers=500, products=300, stores=12, sessions=600, transactions=250, reviews=200),
    shares=Shares(late_orders=0.1, refunded=0.2, daily_moves=0.02, daily_price_changes=0.02),
)


def dump(url: str) -> dict[str, list[str]]:
    """Every row of every table of the shop and its ledger, as text, sorted."""
    with psycopg.connect(url) as connection:
        connection.execute("set timezone to 'UTC'")
        tables = connection.execute(
            "select table_schema, table_name from information_schema.tables"
            " where table_schema in ('ecommerce', 'shop_ledger') order by 1, 2"
        ).fetchall()
        return {f"{schema}.{table}": _rows(connection, schema, table) for schema, table in tables}


def _rows(connection: psycopg.Connection, schema: str, table: str) -> list[str]:
    query = sql.SQL("select t::text from {} t order by 1").format(sql.Identifier(schema, table))
    return [text for (text,) in connection.execute(query)]


def value(url: str, query: LiteralString) -> object:
    """The single value of a query, run in UTC."""
    with psycopg.connect(url) as connection:
        connection.execute("set timezone to 'UTC'")
        row = connection.execute(query).fetchone()
        assert row is not None
        return row[0]
