"""The shop: everything that configuration, first day and day decide, without a database.

All a shop ever writes can be drawn again at any time, in any order; nothing is remembered but the days.
"""

from collections.abc import Set

from ingestion.batches import BatchKey
from ingestion.config import IngestionConfig
from ingestion.customers import Customers
from ingestion.lifecycle import statuses
from ingestion.orders import Orders, draw_orders
from ingestion.places import payment_method_rows, store_rows
from ingestion.products import Products
from ingestion.reviews import draw_reviews, reviewed_days
from ingestion.rows import Integers, Rows
from ingestion.seasons import Calendar
from ingestion.visits import Visits, draw_visits


class Shop:
    """A shop with this first day, drawn up to `last_day` (numbers). The history opens on `opening`."""

    def __init__(self, config: IngestionConfig, first_day: int, last_day: int) -> None:
        self.config = config
        self.first_day = first_day
        volumes, shares = config.volumes, config.shares
        customers, products = config.scaled(volumes.customers), config.scaled(volumes.products)
        totals = {
            "customer": round(customers * shares.new_customers),
            "product": round(products * shares.new_products),
            "transaction": config.scaled(volumes.transactions),
            "mere visit": config.scaled(volumes.sessions) - config.scaled(volumes.transactions),
            "review": config.scaled(volumes.reviews),
        }
        self._calendar = Calendar(config, first_day, last_day, totals)
        self.opening = self._calendar.start
        self.customers = Customers(config, self._calendar, customers - totals["customer"])
        self.products = Products(config, self._calendar, products - totals["product"])
        self._batches: dict[BatchKey, tuple[Visits, Orders]] = {}
        self._reviews: dict[int, Rows] = {}

    @property
    def history(self) -> range:
        """The days of the first load."""
        return range(self.opening, self.first_day + 1)

    def stores(self) -> Rows:
        return store_rows(self.config.seed, self.config.volumes.stores, self.opening)

    def payment_methods(self) -> Rows:
        return payment_method_rows(self.opening)

    def visits(self, key: BatchKey) -> Visits:
        return self._batch(key)[0]

    def orders(self, key: BatchKey) -> Orders:
        return self._batch(key)[1]

    def statuses(self, key: BatchKey, ingested: Set[int]) -> Integers:
        """The status of each order of a batch, as known from the days ingested; the first load tells its last day."""
        written_on = max(key.day, self.first_day)
        return statuses(self.orders(key).payments, written_on, ingested)

    def reviews(self, day: int) -> Rows:
        """The reviews of a day; extra batches have none."""
        if day not in self._reviews:
            days = reviewed_days(day, self.first_day, self.opening)
            bought = {then: self.orders(BatchKey(then)) for then in days}
            size, members = self._calendar.on("review", day), (self.customers.members, self.products.members)
            self._reviews[day] = draw_reviews(self.config, *members, day, size, bought)
        return self._reviews[day]

    def _batch(self, key: BatchKey) -> tuple[Visits, Orders]:
        if key not in self._batches:
            sessions, orders = self._size(key)
            is_late_possible = key.number == 0 and key.day > self.first_day
            late = self.config.shares.late_orders if is_late_possible else 0.0
            visits = draw_visits(self.config, self.customers.members, key, sessions, orders, late)
            self._batches[key] = visits, draw_orders(self.config, self.products, key, visits)
        return self._batches[key]

    def _size(self, key: BatchKey) -> tuple[int, int]:
        if key.orders is None:
            orders = self._calendar.on("transaction", key.day)
            return orders + self._calendar.on("mere visit", key.day), orders
        volumes = self.config.volumes
        return key.orders * volumes.sessions // volumes.transactions, key.orders
