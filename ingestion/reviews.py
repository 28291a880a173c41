"""Reviews: most by people who bought the thing, some by people who say so."""

import numpy as np

from ingestion.batches import BatchKey, numbered
from ingestion.config import IngestionConfig
from ingestion.lifecycle import NEVER
from ingestion.members import Members
from ingestion.orders import LONGEST_REVIEW_DELAY, Orders
from ingestion.rows import DAY, Integers, Rows, Texts, blank, texts
from ingestion.streams import ONLINE_HOURS, chance, choose, stream, times_of_day
from ingestion.wording import ENDINGS, JOINTS, OPENINGS, TITLES

RATINGS = (0.09, 0.06, 0.10, 0.24, 0.51)
NO_TITLE, NO_BODY, EMPTY = 0.22, 0.30, 0.04


def reviewed_days(day: int, first_day: int, opening: int) -> list[int]:
    """Days whose orders may be reviewed on this day: only days that are there whenever this day is.

    These are the day itself and the first load's; any other day may be ingested later, or never.
    """
    history = range(max(opening, day - LONGEST_REVIEW_DELAY), min(day, first_day + 1))
    return [*history, day]


def draw_reviews(
    config: IngestionConfig,
    customers: Members,
    products: Members,
    day: int,
    size: int,
    bought: dict[int, Orders],
) -> Rows:
    """The day's reviews. `bought` holds the orders of `reviewed_days`."""
    rng = stream(config.seed, "reviews", day)
    candidates = np.concatenate([_reviewable(orders, day - then) for then, orders in bought.items()])
    verified = min(round(size * config.shares.verified_reviews), len(candidates))
    chosen = candidates[rng.choice(len(candidates), verified, replace=False)]
    created, transaction, customer, product = _purchases(rng, day, chosen)
    strangers = day * DAY + times_of_day(rng, ONLINE_HOURS, size - verified)
    created = np.concatenate([created, strangers])
    in_time_order = np.argsort(created, kind="stable")
    is_verified = in_time_order < verified
    columns: Rows = {
        "product_id": np.concatenate([product, products.draw(rng, strangers)])[in_time_order],
        "customer_id": np.concatenate([customer, customers.draw(rng, strangers)])[in_time_order],
        "transaction_id": blank(
            np.concatenate([transaction, np.zeros(len(strangers), dtype=np.int64)])[in_time_order], ~is_verified
        ),
        "rating": 1 + choose(rng, RATINGS, size),
        **_wording(rng, size),
        "is_verified_purchase": is_verified,
        "created_at": created[in_time_order],
        "updated_at": created[in_time_order],
    }
    return {"review_id": numbered(BatchKey(day), size), **columns}


def _reviewable(orders: Orders, delay: int) -> Integers:
    """Lines that are reviewed after this many days: order placed, transaction, customer, product; one row each."""
    kept = (orders.payments.cancelled == NEVER)[orders.line_order] & (orders.review_delay == delay)
    order = orders.line_order[kept]
    return np.stack(
        [
            orders.payments.placed[order],
            orders.columns["transaction_id"][order],
            orders.columns["customer_id"][order],
            orders.lines["product_id"][kept],
        ],
        axis=1,
    )


def _purchases(rng: np.random.Generator, day: int, chosen: Integers) -> tuple[Integers, Integers, Integers, Integers]:
    """When each chosen line is reviewed (after its order, on the day), its transaction, customer and product."""
    placed, transaction, customer, product = chosen.T
    remaining = (day + 1) * DAY - 1 - placed
    soon = placed + (rng.random(len(placed)) * remaining).astype(np.int64)
    any_time = day * DAY + times_of_day(rng, ONLINE_HOURS, len(placed))
    return np.where(placed >= day * DAY, soon, any_time), transaction, customer, product


def _wording(rng: np.random.Generator, size: int) -> Rows:
    openings, joints, endings = (
        [words[n] for n in rng.integers(0, len(words), size)] for words in (OPENINGS, JOINTS, ENDINGS)
    )
    body = texts([o + j + e for o, j, e in zip(openings, joints, endings, strict=True)])
    title = texts(list(TITLES))[rng.integers(0, len(TITLES), size)]
    return {"title": _thinned(rng, title, NO_TITLE), "body": _thinned(rng, body, NO_BODY)}


def _thinned(rng: np.random.Generator, column: Texts, absent: float) -> Texts:
    """Some NULL, some ''."""
    emptied = np.where(chance(rng, EMPTY, len(column)), "", column)
    return blank(emptied, chance(rng, absent, len(column)))
