"""Expected totals: what any copy of the shop must add up to, per day.

The ingester adds them up from the arrays it writes, never by asking the database, and keeps them in the schema
`shop_ledger`, in the same transaction as the rows. So they check PostgreSQL as well as everything after it.

Revenue is the total amount of the orders whose status is `paid`; pending, refunded and cancelled ones are not revenue.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

import numpy as np
import psycopg
from psycopg import Cursor
from psycopg.rows import TupleRow

from ingestion.lifecycle import STATUSES
from ingestion.orders import Orders
from ingestion.rows import DAY, Integers, day_of

DAILY_TABLES = ("session", "transaction", "transaction_item", "review")

EXPECTED_DDL = """
create table shop_ledger.expected_rows (
    table_name text not null,
    day date not null,
    rows bigint not null,
    primary key (table_name, day)
);
create table shop_ledger.expected_sales (
    day date not null,
    status text not null,
    orders bigint not null,
    units bigint not null,
    amount numeric(18,2) not null,
    primary key (day, status)
);
create table shop_ledger.expected_whole (table_name text primary key, rows bigint not null);
"""


@dataclass(frozen=True, slots=True)
class Sales:
    """Orders of one day and status: how many, the units on their lines, and the sum of their total_amount."""

    orders: int = 0
    units: int = 0
    amount: Decimal = Decimal("0.00")


@dataclass(frozen=True, slots=True)
class ExpectedDay:
    """The totals of the rows created on a UTC day: rows by daily table, sales by order status (all four)."""

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
    def units(self) -> int:
        """Units on the lines of all orders, whatever their status."""
        return sum(sales.units for sales in self.sales.values())


@dataclass(slots=True)
class Expected:
    """Totals being added up for some days (numbers): rows by (table, day); orders, units, cents by (day, status)."""

    days: range
    rows: Counter[tuple[str, int]] = field(default_factory=Counter)
    sales: dict[tuple[int, str], Integers] = field(default_factory=dict)
    whole: Mapping[str, int] = field(default_factory=dict)


def add_rows(expected: Expected, table: str, created_at: Integers) -> None:
    """Count rows of a daily table."""
    days, counts = np.unique(created_at // DAY, return_counts=True)
    for day, count in zip(days.tolist(), counts.tolist(), strict=True):
        if day in expected.days:
            expected.rows[table, day] += count


def add_orders(expected: Expected, orders: Orders, status: Integers) -> None:
    """Count orders, and add up their units and amounts."""
    created_on = orders.payments.placed // DAY
    add_rows(expected, "transaction", orders.payments.placed)
    for day in set(created_on.tolist()):
        if day not in expected.days:
            continue
        for code, name in enumerate(STATUSES):
            chosen = (created_on == day) & (status == code)
            sums = np.array([chosen.sum(), orders.units[chosen].sum(), orders.columns["total_amount"][chosen].sum()])
            expected.sales[day, name] = expected.sales.get((day, name), 0) + sums


def record_expected(cursor: Cursor[TupleRow], expected: Expected) -> None:
    """Replace the totals of its days."""
    span = (day_of(expected.days[0]), day_of(expected.days[-1]))
    cursor.execute("delete from shop_ledger.expected_rows where day between %s and %s", span)
    cursor.execute("delete from shop_ledger.expected_sales where day between %s and %s", span)
    cursor.execute("delete from shop_ledger.expected_whole")
    with cursor.copy("copy shop_ledger.expected_rows from stdin") as copy:
        for (table, day), rows in sorted(expected.rows.items()):
            copy.write_row((table, day_of(day), rows))
    with cursor.copy("copy shop_ledger.expected_sales from stdin") as copy:
        for (day, status), (orders, units, cents) in sorted(
            (key, sums.tolist()) for key, sums in expected.sales.items()
        ):
            if orders:
                copy.write_row((day_of(day), status, orders, units, Decimal(cents).scaleb(-2)))
    with cursor.copy("copy shop_ledger.expected_whole from stdin") as copy:
        for table, rows in expected.whole.items():
            copy.write_row((table, rows))


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
