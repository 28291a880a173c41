"""Products: what is introduced on a day, what it costs at an instant, and which prices change."""

import functools

import numpy as np

from ingestion.assortment import ADJECTIVES, DEPARTMENTS, VARIANTS
from ingestion.config import IngestionConfig
from ingestion.members import Members, arrivals, zipf
from ingestion.pools import BRANDS, build_pools
from ingestion.rows import DAY, HOUR, SECOND, Booleans, Column, Integers, Rows, Texts, blank, texts
from ingestion.seasons import Calendar
from ingestion.streams import choose, stream

YEARS_BEFORE_HISTORY = 4.0
FOUNDING = 0
LOWEST_PRICE = 99
_PRODUCT_SHIFT = 36  # seconds since 1970 fit into 36 bits until the year 4147


class Products:
    """The shop's products up to the calendar's last day. Ids count introductions: 1, 2, …"""

    def __init__(self, config: IngestionConfig, calendar: Calendar, established: int) -> None:
        self._seed = config.seed
        self._daily_price_changes = config.shares.daily_price_changes
        self._calendar = calendar
        instants = arrivals(stream(self._seed, "introductions"), calendar, "product", established, YEARS_BEFORE_HISTORY)
        sold = established - round(established * config.shares.discontinued_products)
        ranking = stream(self._seed, "popularity").permutation(established)
        popularity = zipf(sold, exponent=0.85, head=5.0)
        self.members = Members(instants, established, ranking[:sold], popularity, config.shares.new_product_lines)
        self._discontinued: Booleans = np.zeros(len(instants), dtype=np.bool_)
        self._discontinued[ranking[sold:]] = True
        self._departments = choose(stream(self._seed, "departments"), [d.share for d in DEPARTMENTS], len(instants))
        spread = np.exp(0.7 * stream(self._seed, "prices").standard_normal(len(instants)))
        self._first_prices = _rounded(np.array([d.price for d in DEPARTMENTS])[self._departments] * spread)

    def founding(self) -> Rows:
        """Everything introduced by the end of the first day, at its first price."""
        return self._rows(0, self.members.arrived_by(self._calendar.first_day), FOUNDING)

    def arriving(self, day: int) -> Rows:
        """What is introduced on a day after the first."""
        return self._rows(self.members.arrived_by(day - 1), self.members.arrived_by(day), day)

    def repricing(self, day: int) -> Rows:
        """Prices that change on a day, in the morning: key, new price, updated_at."""
        rng = stream(self._seed, "repricing", day)
        ids = self.members.sample(rng, day, self._daily_price_changes)
        prices = _rounded(self._first_prices[ids - 1] * rng.uniform(0.8, 1.2, len(ids)))
        seconds = rng.integers(2 * HOUR // SECOND, 5 * HOUR // SECOND, len(ids))
        return {"product_id": ids, "list_price": prices, "updated_at": day * DAY + seconds * SECOND}

    def prices_at(self, ids: Integers, instants: Integers) -> Integers:
        """Each product's list price, in cents, at an instant."""
        changes, prices = self._price_changes
        last = np.searchsorted(changes, _price_key(ids, instants), side="right") - 1
        has_changed = (last >= 0) & (changes[last] >> _PRODUCT_SHIFT == ids)
        return np.asarray(np.where(has_changed, prices[last], self._first_prices[ids - 1]))

    @functools.cached_property
    def _price_changes(self) -> tuple[Integers, Integers]:
        """Keys (product, instant), ascending, and the price from then on; ends with a key that no product has."""
        days = range(self._calendar.start, self._calendar.last_day + 1)
        changes = [self.repricing(day) for day in days]
        keys = np.concatenate([_price_key(c["product_id"], c["updated_at"]) for c in changes] + [np.array([1 << 62])])
        prices = np.concatenate([c["list_price"] for c in changes] + [np.array([LOWEST_PRICE])])
        order = np.argsort(keys, kind="stable")
        return keys[order], prices[order]

    def _rows(self, start: int, stop: int, chunk: int) -> Rows:
        rng = stream(self._seed, "products", chunk)
        ids, instants = np.arange(start, stop) + 1, self.members.instants[start:stop]
        department, price = self._departments[start:stop], self._first_prices[start:stop]
        return {
            "product_id": ids,
            "sku": _skus(department, ids),
            **self._naming(rng, department),
            "list_price": price,
            "unit_cost": (price * rng.uniform(0.40, 0.72, len(ids))).astype(np.int64),
            "weight_kg": _weights(rng, department),
            "is_active": ~self._discontinued[start:stop],
            "created_at": instants,
            "updated_at": instants,
        }

    def _naming(self, rng: np.random.Generator, department: Integers) -> Rows:
        size = len(department)
        nouns = np.array([len(d.nouns) for d in DEPARTMENTS])[department]
        noun = (rng.random(size) * nouns).astype(np.int64)
        words = zip(
            rng.integers(0, len(ADJECTIVES), size).tolist(),
            department.tolist(),
            noun.tolist(),
            rng.integers(0, len(VARIANTS), size).tolist(),
            strict=True,
        )
        return {
            "product_name": texts(
                [f"{ADJECTIVES[a]} {DEPARTMENTS[d].nouns[n]}, {VARIANTS[v]}" for a, d, n, v in words]
            ),
            "category": texts([d.category for d in DEPARTMENTS])[department],
            "subcategory": texts([d.subcategory for d in DEPARTMENTS])[department],
            "brand": build_pools(self._seed).brands[rng.integers(0, BRANDS, size)],
        }


def _price_key(ids: Integers, instants: Integers) -> Integers:
    return np.asarray((ids << _PRODUCT_SHIFT) + instants // SECOND)


def _rounded(cents: Column) -> Integers:
    """Shop prices: 12.34 becomes 12.99."""
    return np.asarray(cents.astype(np.int64) // 100 * 100 + LOWEST_PRICE)


def _skus(department: Integers, ids: Integers) -> Texts:
    prefixes = [f"{d.category[:2]}{d.subcategory[:2]}".upper() for d in DEPARTMENTS]
    return texts([f"{prefixes[d]}-{i:07d}" for d, i in zip(department.tolist(), ids.tolist(), strict=True)])


def _weights(rng: np.random.Generator, department: Integers) -> Column:
    """Grams; NULL for what is not shipped."""
    typical = np.array([round((d.weight_kg or 0) * 1000) for d in DEPARTMENTS])[department]
    grams = (typical * rng.uniform(0.5, 1.8, len(department))).astype(np.int64)
    return blank(grams, typical == 0)
