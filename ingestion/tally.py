"""The tally: adds up the expected totals from the arrays an ingest writes, in whole cents, and records them."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np
from psycopg import Cursor
from psycopg.rows import TupleRow

from ingestion.lifecycle import STATUSES
from ingestion.orders import Orders
from ingestion.rows import DAY, Integers, day_of

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


@dataclass(slots=True)
class Tally:
    """Totals of some days (numbers): `rows` by (table, day); `orders`, `units` and `cents` by (day, status).

    `whole` has the rows of each whole table.
    """

    days: range
    rows: Counter[tuple[str, int]] = field(default_factory=Counter)
    orders: Counter[tuple[int, str]] = field(default_factory=Counter)
    units: Counter[tuple[int, str]] = field(default_factory=Counter)
    cents: Counter[tuple[int, str]] = field(default_factory=Counter)
    whole: Mapping[str, int] = field(default_factory=dict)

    def add_rows(self, table: str, created_at: Integers) -> None:
        """Count rows of a daily table; those of other days do not count."""
        days, counts = np.unique(created_at // DAY, return_counts=True)
        for day, count in zip(days.tolist(), counts.tolist(), strict=True):
            if day in self.days:
                self.rows[table, day] += count

    def add_orders(self, orders: Orders, status: Integers) -> None:
        """Count orders, and add up their units and amounts, by `status` (positions in STATUSES)."""
        self.add_rows("transaction", orders.payments.placed)
        placed_on, amount = orders.payments.placed // DAY, orders.columns["total_amount"]
        for day in set(placed_on.tolist()) & set(self.days):
            for code in np.unique(status[placed_on == day]).tolist():
                chosen, key = (placed_on == day) & (status == code), (day, STATUSES[code])
                self.orders[key] += int(chosen.sum())
                self.units[key] += int(orders.units[chosen].sum())
                self.cents[key] += int(amount[chosen].sum())


def record_tally(cursor: Cursor[TupleRow], tally: Tally) -> None:
    """Replace the recorded totals of the tally's days, and of the whole tables."""
    span = (day_of(tally.days[0]), day_of(tally.days[-1]))
    cursor.execute("delete from shop_ledger.expected_rows where day between %s and %s", span)
    cursor.execute("delete from shop_ledger.expected_sales where day between %s and %s", span)
    cursor.execute("delete from shop_ledger.expected_whole")
    with cursor.copy("copy shop_ledger.expected_rows from stdin") as copy:
        for (table, day), rows in sorted(tally.rows.items()):
            copy.write_row((table, day_of(day), rows))
    with cursor.copy("copy shop_ledger.expected_sales from stdin") as copy:
        for (day, status), orders in sorted(tally.orders.items()):
            amount = Decimal(tally.cents[day, status]).scaleb(-2)
            copy.write_row((day_of(day), status, orders, tally.units[day, status], amount))
    with cursor.copy("copy shop_ledger.expected_whole from stdin") as copy:
        for table, rows in tally.whole.items():
            copy.write_row((table, rows))
