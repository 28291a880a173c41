"""Expected totals: what any copy of the shop must add up to, per day.

The ingester adds them up from the arrays it writes, never by asking the database, and keeps them in the schema
`shop_ledger`, in the same transaction as the rows. So they check PostgreSQL as well as everything after it.

Revenue is the total amount of the orders whose status is `paid`; pending, refunded and cancelled ones are not revenue.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import psycopg
from psycopg import Cursor
from psycopg.rows import TupleRow

from ingestion.lifecycle import STATUSES

DAILY_TABLES = ("session", "transaction", "transaction_item", "review")


@dataclass(frozen=True, slots=True)
class Sales:
    """Orders of one day and status: how many, the units on their lines, and the sum of their total_amount."""

    orders: int = 0
    units: int = 0
    amount: Decimal = Decimal("0.00")


@dataclass(frozen=True, slots=True)
class ExpectedDay:
    """The totals of the rows created on a UTC day: rows by daily table, sales by order status (always all four)."""

    day: date
    rows: Mapping[str, int]
    sales: Mapping[str, Sales]

    @property
    def revenue(self) -> Decimal:
        """The total amount of paid orders; nothing else is revenue."""
        return self.sales["paid"].amount

    @property
    def refunds(self) -> Sales:
        return self.sales["refunded"]

    @property
    def orders(self) -> int:
        """Orders of any status."""
        return sum(sales.orders for sales in self.sales.values())

    @property
    def units(self) -> int:
        """Units on the lines of orders of any status."""
        return sum(sales.units for sales in self.sales.values())


def expected_totals(url: str) -> list[ExpectedDay]:
    """The totals of every day that has rows, oldest first. Empty when there is no shop in the database."""
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        if not _has_ledger(cursor):
            return []
        rows: dict[date, dict[str, int]] = {}
        for table, day, count in cursor.execute("select table_name, day, rows from shop_ledger.expected_rows"):
            rows.setdefault(day, dict.fromkeys(DAILY_TABLES, 0))[table] = count
        sales: dict[date, dict[str, Sales]] = {day: dict.fromkeys(STATUSES, Sales()) for day in rows}
        cursor.execute("select day, status, orders, units, amount from shop_ledger.expected_sales")
        for day, status, orders, units, amount in cursor:
            sales[day][status] = Sales(orders, units, amount)
    return [ExpectedDay(day, rows[day], sales[day]) for day in sorted(rows)]


def expected_master_rows(url: str) -> dict[str, int]:
    """How many rows each whole table has (customer, product, payment_method, store). Empty when there is no shop."""
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        if not _has_ledger(cursor):
            return {}
        return dict(cursor.execute("select table_name, rows from shop_ledger.expected_whole").fetchall())


def _has_ledger(cursor: Cursor[TupleRow]) -> bool:
    cursor.execute("select to_regclass('shop_ledger.expected_rows') is not null")
    return bool((cursor.fetchone() or (False,))[0])
