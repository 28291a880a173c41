"""An order's payment: pending, then paid or cancelled, perhaps refunded, all within five days of the order.

What happens on a day becomes known when that day is ingested. So a day changes orders of the five days before it at
most, and the state of the shop depends on which days were ingested, never on their order.
"""

from collections.abc import Set
from dataclasses import dataclass

import numpy as np

from ingestion.config import Shares
from ingestion.rows import DAY, HOUR, SECOND, Booleans, Integers, Rows, blank, texts
from ingestion.streams import chance

STATUSES = ("pending", "paid", "refunded", "cancelled")
PENDING, PAID, REFUNDED, CANCELLED = range(4)
LAST_CHANGE = 5  # days after the order
NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class Payments:
    """When each order is placed, paid, refunded and cancelled; NEVER where that does not happen.

    Every order is either paid or cancelled in the end; a refund follows a payment.
    """

    placed: Integers
    paid: Integers
    refunded: Integers
    cancelled: Integers


def draw_payments(rng: np.random.Generator, shares: Shares, placed: Integers, is_deferred: Booleans) -> Payments:
    """Money at once takes seconds; deferred money takes hours to four days, or never comes."""
    size = len(placed)
    at_once = placed + rng.integers(2, 90, size) * SECOND
    later = placed + rng.integers(3 * HOUR, 4 * DAY, size)
    end = (placed // DAY + LAST_CHANGE + 1) * DAY
    is_cancelled = is_deferred & chance(rng, shares.cancelled, size)
    is_refunded = ~is_cancelled & chance(rng, shares.refunded, size)
    paid = np.where(is_deferred, later, at_once)
    refunded = paid + HOUR + (rng.random(size) * (end - paid - HOUR - SECOND)).astype(np.int64)
    return Payments(
        placed,
        np.where(is_cancelled, NEVER, paid),
        np.where(is_refunded, refunded, NEVER),
        np.where(is_cancelled, later, NEVER),
    )


def statuses(payments: Payments, written_on: int, ingested: Set[int]) -> Integers:
    """Each order's position in STATUSES, as known from the day that wrote it and the days ingested (numbers)."""
    days = np.fromiter(ingested, dtype=np.int64)

    def happened(instants: Integers) -> Booleans:
        return np.asarray((instants // DAY <= written_on) | np.isin(instants // DAY, days))

    return np.select(
        [happened(payments.refunded), happened(payments.cancelled), happened(payments.paid)],
        [REFUNDED, CANCELLED, PAID],
        PENDING,
    )


def status_columns(payments: Payments, status: Integers) -> Rows:
    """The columns of an order that follow from its status."""
    is_refunded = status == REFUNDED
    has_paid = is_refunded | (status == PAID)
    changes = [payments.placed, payments.paid, payments.refunded, payments.cancelled]
    return {
        "status": texts(list(STATUSES))[status],
        "paid_at": blank(payments.paid, ~has_paid),
        "refunded_at": blank(payments.refunded, ~is_refunded),
        "updated_at": np.choose(status, changes),
    }
