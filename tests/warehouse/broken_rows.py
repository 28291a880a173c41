"""Rows of the staged shop that break a rule of business: how, and what is said of them and of what goes with them.

The fourth day has none: whoever follows the change leaves it alone.
"""

from dataclasses import dataclass

# Rows in quarantine: table, id, reason.
Kept = tuple[str, int, str]


@dataclass(frozen=True)
class Broken:
    """A row whose `column` is set to `value`. `others` go into quarantine with it."""

    table: str
    id: int
    reason: str
    column: str
    value: str
    others: frozenset[Kept] = frozenset()

    @property
    def plant(self) -> str:
        return f"update staging.{self.table} set {self.column} = {self.value} where {self.table}_id = {self.id};"

    @property
    def kept(self) -> set[Kept]:
        return {(self.table, self.id, self.reason), *self.others}


def order(key: int, reason: str, column: str, value: str) -> Broken:
    """An order, with which its lines go."""
    return Broken("transaction", key, reason, column, value, _lines(key))


def line(key: int, reason: str, column: str, value: str) -> Broken:
    """A line, with which its order goes, and all its lines."""
    order_id = key // 10
    siblings = {kept for kept in _lines(order_id) if kept[1] != key}
    others = {("transaction", order_id, "a line of it breaks a rule"), *siblings}
    return Broken("transaction_item", key, reason, column, value, frozenset(others))


def _lines(order_id: int) -> frozenset[Kept]:
    """The n-th order of a day (100, 101, …) has n % 3 + 1 lines."""
    lines = range(1, order_id % 100 % 3 + 2)
    return frozenset(("transaction_item", order_id * 10 + n, "its order is in quarantine") for n in lines)


RULES = (
    order(100, "unknown status", "status", "'lost'"),
    order(103, "another currency", "currency", "'USD'"),
    order(200, "negative amount", "tax_amount", "-1"),
    order(203, "total is not items, shipping and tax", "total_amount", "null"),
    line(3011, "quantity below one", "quantity", "0"),
    line(3001, "negative amount", "unit_price", "-1"),
    line(3021, "amount is not quantity, price and discount", "line_amount", "1"),
    Broken("review", 300, "rating outside 1 to 5", "rating", "6"),
    Broken("review", 301, "verified purchase without an order", "transaction_id", "null"),
    Broken("session", 308, "ended before it began", "ended_at", "created_at - interval 1 hour"),
    Broken("session", 309, "negative page views", "page_views", "-1"),
    Broken("product", 5, "negative price or cost", "unit_cost", "-1"),
)

# What these name is not there: customer, store, product 77; way to pay 77; visit, order 7700.
ORPHANS = (
    order(101, "its customer does not exist", "customer_id", "77"),
    order(102, "its store does not exist", "store_id", "77"),
    order(104, "its way to pay does not exist", "payment_method_id", "77"),
    # the visit would have begun on another day than its order
    order(201, "its visit does not exist", "session_id", "7700"),
    line(2021, "its product does not exist", "product_id", "77"),
    Broken("review", 204, "its product does not exist", "product_id", "77"),
    Broken("review", 205, "its customer does not exist", "customer_id", "77"),
    Broken("review", 302, "its order does not exist", "transaction_id", "7700"),
    Broken("session", 307, "its customer does not exist", "customer_id", "77"),
    Broken(
        "session",
        303,
        "its store does not exist",
        "store_id",
        "77",
        frozenset({("transaction", 303, "its visit has no customer or no store"), *_lines(303)}),
    ),
)

# The parents, as they come later. None of the orphans' own days changes but the first, on which visit and order lie.
PARENTS = """
insert into staging.customer select 77, * exclude customer_id from staging.customer where customer_id = 1;
insert into staging.store select 77, * exclude store_id from staging.store where store_id = 1;
insert into staging.product select 77, * exclude product_id from staging.product where product_id = 1;
insert into staging.payment_method
    select 77, * exclude payment_method_id from staging.payment_method where payment_method_id = 1;
insert into staging.session select 7700, * exclude session_id from staging.session where session_id = 100;
insert into staging.transaction
    select 7700, * exclude transaction_id from staging.transaction where transaction_id = 100;
insert into staging.transaction_item select 77000, 7700, * exclude (transaction_item_id, transaction_id)
    from staging.transaction_item where transaction_id = 100;
"""
GONE = """
delete from staging.customer where customer_id = 77;
delete from staging.store where store_id = 77;
delete from staging.product where product_id = 77;
delete from staging.payment_method where payment_method_id = 77;
delete from staging.session where session_id = 7700;
delete from staging.transaction where transaction_id = 7700;
delete from staging.transaction_item where transaction_id = 7700;
"""
