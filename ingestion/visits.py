"""Visits: the sessions of a day, on the web, in the app, on a marketplace or at a till; some end in an order."""

from dataclasses import dataclass

import numpy as np

from ingestion.batches import LATEST_DAYS, BatchKey, numbered
from ingestion.config import IngestionConfig
from ingestion.members import Members
from ingestion.places import ONLINE_STORES
from ingestion.rows import DAY, MINUTE, Booleans, Integers, Rows, Texts, blank, texts
from ingestion.seasons import Weights
from ingestion.streams import ONLINE_HOURS, TILL_HOURS, chance, choose, stream, times_of_day

CHANNELS = texts(["web", "app", "marketplace", "store"])
WEB, APP, MARKETPLACE, TILL = range(4)
ORDERS_BY_CHANNEL = (0.46, 0.24, 0.12, 0.18)
BROWSERS_BY_CHANNEL = (0.66, 0.26, 0.08, 0.0)
DEVICES = texts(["desktop", "mobile", "tablet", "till"])
DEVICES_BY_CHANNEL = ((0.48, 0.44, 0.08), (0.0, 0.88, 0.12), (0.40, 0.52, 0.08), (0.0, 0.0, 0.0, 1.0))
SOURCES = texts(["direct", "search", "social", "email", "ads", "affiliate", "walk-in"])
SOURCE_WEIGHTS = (0.24, 0.32, 0.13, 0.11, 0.14, 0.06)
WALK_IN = len(SOURCE_WEIGHTS)
LANDING_PAGES = texts(["/", "/sale", "/new", "/search?q=gift,men", "/c/home", "/c/fashion", "/p/höhe", ""])
LANDING_WEIGHTS = (0.34, 0.14, 0.11, 0.1, 0.13, 0.13, 0.03, 0.02)
ANONYMOUS_SHARE = 0.6


@dataclass(frozen=True, slots=True)
class Visits:
    """The session rows of a batch; `channel` and `has_order` are by row."""

    sessions: Rows
    channel: Integers
    has_order: Booleans


def draw_visits(
    config: IngestionConfig, customers: Members, key: BatchKey, sessions: int, orders: int, late: float
) -> Visits:
    """`sessions` visits, `orders` of which end in an order; a share of `late` of these happened a day or two before."""
    rng = stream(config.seed, "visits", key.day, key.number)
    has_order, channel, time = _traffic(rng, sessions, orders)
    started, ended = _spans(rng, key.day, time, np.where(has_order, late, 0.0))
    is_anonymous = ~has_order & chance(rng, ANONYMOUS_SHARE, sessions)
    rows: Rows = {
        "session_id": numbered(key, sessions),
        "customer_id": blank(customers.draw(rng, started), is_anonymous),
        "store_id": _stores(rng, channel, config.volumes.stores),
        "channel": CHANNELS[channel],
        **_behaviour(rng, channel),
        "ended_at": ended,
        "created_at": started,
        "updated_at": ended,
    }
    return Visits(rows, channel, has_order)


def _traffic(rng: np.random.Generator, sessions: int, orders: int) -> tuple[Booleans, Integers, Integers]:
    """Whether each visit ends in an order, its channel and its time of day, ascending."""
    has_order = np.zeros(sessions, dtype=np.bool_)
    has_order[rng.choice(sessions, orders, replace=False)] = True
    channel = np.where(has_order, choose(rng, ORDERS_BY_CHANNEL, sessions), choose(rng, BROWSERS_BY_CHANNEL, sessions))
    till_times, online_times = times_of_day(rng, TILL_HOURS, sessions), times_of_day(rng, ONLINE_HOURS, sessions)
    time = np.where(channel == TILL, till_times, online_times)
    ascending = np.argsort(time, kind="stable")
    return has_order[ascending], channel[ascending], time[ascending]


def _spans(rng: np.random.Generator, day: int, time: Integers, late: Weights) -> tuple[Integers, Integers]:
    """When each visit starts and ends (on the same day). `late` is each one's chance to lie a day or two before."""
    lasts = (rng.gamma(2.0, 3.5, len(time)) * MINUTE).astype(np.int64) + MINUTE
    days_late = rng.integers(1, LATEST_DAYS + 1, len(time)) * (rng.random(len(time)) < late)
    midnight = (day - days_late) * DAY
    return midnight + time, midnight + np.minimum(time + lasts, DAY - 1)


def _stores(rng: np.random.Generator, channel: Integers, stores: int) -> Integers:
    """The web shop is store 1, the app 2, the marketplaces 3 and 4, the rest have tills."""
    tills = stores - len(ONLINE_STORES)
    till = len(ONLINE_STORES) + 1 + choose(rng, [(n + 2) ** -0.5 for n in range(tills)], len(channel))
    marketplace = 3 + choose(rng, (0.7, 0.3), len(channel))
    return np.choose(channel, [np.ones_like(channel), np.full_like(channel, 2), marketplace, till])


def _behaviour(rng: np.random.Generator, channel: Integers) -> Rows:
    size, at_till = len(channel), channel == TILL
    device = np.choose(channel, [choose(rng, weights, size) for weights in DEVICES_BY_CHANNEL])
    landing: Texts = LANDING_PAGES[choose(rng, LANDING_WEIGHTS, size)]
    return {
        "device": DEVICES[device],
        "traffic_source": SOURCES[np.where(at_till, WALK_IN, choose(rng, SOURCE_WEIGHTS, size))],
        "landing_page": blank(landing, at_till),
        "page_views": np.where(at_till, 0, rng.geometric(0.18, size)),
    }
