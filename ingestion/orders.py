"""Orders and their lines: what a visit that ends in an order buys, and when its money comes and goes."""

from dataclasses import dataclass

import numpy as np

from ingestion.batches import BatchKey, numbered
from ingestion.config import IngestionConfig
from ingestion.lifecycle import Payments, draw_payments
from ingestion.places import DEFERRED, PAYMENT_METHODS
from ingestion.products import Products
from ingestion.rows import Column, Integers, Rows, blank, texts
from ingestion.streams import chance, choose, stream
from ingestion.visits import CHANNELS, TILL, Visits

COUPONS = texts(["HELLO5", "WELCOME10", "SPRING,15", "VIP20"])
COUPON_PERCENT = np.array([5, 10, 15, 20])
QUANTITIES = (0.74, 0.16, 0.06, 0.03, 0.01)
MORE_LINES = 1.2  # 2.2 lines per order
MOST_LINES = 15
SHIPPING, FREE_SHIPPING_FROM = 495, 6000
TAX_PERCENT = 19
LONGEST_REVIEW_DELAY = 21


@dataclass(frozen=True, slots=True)
class Orders:
    """The orders of a batch: the columns that never change, what happens to their payment, and their lines.

    `units` is the quantity per order. `line_order` is the position of each line's order, `review_delay` the days after
    which a line may be reviewed.
    """

    columns: Rows
    payments: Payments
    units: Integers
    lines: Rows
    line_order: Integers
    review_delay: Integers


def draw_orders(config: IngestionConfig, products: Products, key: BatchKey, visits: Visits) -> Orders:
    """One order for every visit that has one."""
    rng = stream(config.seed, "orders", key.day, key.number)
    visit = {name: values[visits.has_order] for name, values in visits.sessions.items()}
    channel, size = visits.channel[visits.has_order], int(visits.has_order.sum())
    lasted = visit["ended_at"] - visit["created_at"]
    created = visit["created_at"] + (lasted * rng.uniform(0.3, 1.0, size)).astype(np.int64)
    ids = numbered(key, size)
    coupon, has_coupon = rng.integers(0, len(COUPONS), size), chance(rng, config.shares.coupons, size)
    percent = np.where(has_coupon, COUPON_PERCENT[coupon], 0)
    lines, line_order = _draw_lines(rng, products, key, ids, created, percent)
    method = _payment_methods(rng, channel)
    columns: Rows = {
        "transaction_id": ids,
        "session_id": visit["session_id"],
        "customer_id": np.ma.getdata(visit["customer_id"]),
        "store_id": visit["store_id"],
        "payment_method_id": method + 1,
        "channel": CHANNELS[channel],
        "currency": np.full(size, "EUR", dtype=object),
        **_amounts(_sum_by(line_order, lines["line_amount"], size), at_till=channel == TILL),
        "coupon_code": blank(COUPONS[coupon], ~has_coupon),
        "created_at": created,
    }
    payments = draw_payments(rng, config.shares, created, DEFERRED[method])
    delay = np.where(chance(rng, 0.45, len(line_order)), 0, rng.integers(1, LONGEST_REVIEW_DELAY + 1, len(line_order)))
    return Orders(columns, payments, _sum_by(line_order, lines["quantity"], size), lines, line_order, delay)


def _draw_lines(
    rng: np.random.Generator, products: Products, key: BatchKey, ids: Integers, created: Integers, percent: Integers
) -> tuple[Rows, Integers]:
    counts = np.minimum(1 + rng.poisson(MORE_LINES, len(ids)), MOST_LINES)
    line_order = np.repeat(np.arange(len(ids)), counts)
    instants = created[line_order]
    product = products.members.draw(rng, instants)
    price = products.prices_at(product, instants)
    quantity = 1 + choose(rng, QUANTITIES, len(line_order))
    discount = (quantity * price * percent[line_order] + 50) // 100
    first_line = np.cumsum(counts) - counts
    rows: Rows = {
        "transaction_item_id": numbered(key, len(line_order)),
        "transaction_id": ids[line_order],
        "product_id": product,
        "line_number": np.arange(len(line_order)) - first_line[line_order] + 1,
        "quantity": quantity,
        "unit_price": price,
        "discount_amount": discount,
        "line_amount": quantity * price - discount,
        "created_at": instants,
        "updated_at": instants,
    }
    return rows, line_order


def _amounts(items: Integers, at_till: Column) -> Rows:
    shipping = np.where(at_till | (items >= FREE_SHIPPING_FROM), 0, SHIPPING)
    tax = (items * TAX_PERCENT + 50) // 100
    return {
        "items_amount": items,
        "shipping_amount": shipping,
        "tax_amount": tax,
        "total_amount": items + shipping + tax,
    }


def _payment_methods(rng: np.random.Generator, channel: Integers) -> Integers:
    online = choose(rng, [method.online for method in PAYMENT_METHODS], len(channel))
    till = choose(rng, [method.till for method in PAYMENT_METHODS], len(channel))
    return np.where(channel == TILL, till, online)


def _sum_by(position: Integers, values: Integers, size: int) -> Integers:
    sums = np.zeros(size, dtype=np.int64)
    np.add.at(sums, position, values)
    return sums
