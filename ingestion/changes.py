"""What an ingest writes (a first load, a day, an extra batch): a pure function of the journal and of what is asked."""

from collections.abc import Iterable
from dataclasses import dataclass

from ingestion.batches import LATEST_DAYS, BatchKey
from ingestion.journal import Journal
from ingestion.lifecycle import LAST_CHANGE, status_columns
from ingestion.rows import Rows, length
from ingestion.shop import Shop
from ingestion.tally import Tally


@dataclass(frozen=True, slots=True)
class Changes:
    """Rows to insert and to update, by table, and the new totals. Updates hold the key and the columns that change."""

    inserts: dict[str, list[Rows]]
    updates: dict[str, list[Rows]]
    tally: Tally


def first_load(shop: Shop, journal: Journal) -> Changes:
    """Master data and the whole history, as known at the end of the first day."""
    inserts = {
        "customer": [shop.customers.founding()],
        "product": [shop.products.founding()],
        "payment_method": [shop.payment_methods()],
        "store": [shop.stores()],
        **_visits(shop, journal, [BatchKey(day) for day in shop.history]),
        "review": [shop.reviews(day) for day in shop.history],
    }
    updates = _master_updates(shop, shop.history)
    return Changes(inserts, updates, _tally(shop, journal, shop.history))


def later_day(shop: Shop, journal: Journal, day: int) -> Changes:
    """The day's rows, what the day tells about orders of the days before, and master data up to the day.

    `journal` is the one before the day.
    """
    after = journal.with_day(day)
    inserts = {
        **_master_inserts(shop, journal, day),
        **_visits(shop, after, [BatchKey(day)]),
        "review": [shop.reviews(day)],
    }
    updates = _master_updates(shop, range(journal.last_day + 1, day + 1))
    updates["transaction"] = list(_status_updates(shop, journal, day))
    return Changes(inserts, updates, _tally(shop, after, range(max(day - LAST_CHANGE, shop.opening), day + 1)))


def extra_batch(shop: Shop, journal: Journal, key: BatchKey) -> Changes:
    """An extra batch's rows, and master data up to its day. `journal` is the one before the batch."""
    after = journal.with_batch(key)
    inserts = {**_master_inserts(shop, journal, key.day), **_visits(shop, after, [key])}
    updates = _master_updates(shop, range(journal.last_day + 1, key.day + 1))
    return Changes(inserts, updates, _tally(shop, after, range(key.day, key.day + 1)))


def _visits(shop: Shop, journal: Journal, keys: list[BatchKey]) -> dict[str, list[Rows]]:
    return {
        "session": [shop.visits(key).sessions for key in keys],
        "transaction": [
            shop.orders(key).columns | status_columns(shop.orders(key).payments, shop.statuses(key, journal.ingested))
            for key in keys
        ],
        "transaction_item": [shop.orders(key).lines for key in keys],
    }


def _master_inserts(shop: Shop, journal: Journal, day: int) -> dict[str, list[Rows]]:
    """Customers and products of the days that no ingest has reached yet: orders may refer to any of them."""
    days = range(journal.last_day + 1, day + 1)
    return {
        "customer": [shop.customers.arriving(day) for day in days],
        "product": [shop.products.arriving(day) for day in days],
    }


def _master_updates(shop: Shop, days: Iterable[int]) -> dict[str, list[Rows]]:
    return {
        "customer": [shop.customers.moving(day) for day in days],
        "product": [shop.products.repricing(day) for day in days],
    }


def _status_updates(shop: Shop, journal: Journal, day: int) -> Iterable[Rows]:
    """Orders already written whose status the day changes."""
    for key in journal.batches(day - LAST_CHANGE, day - 1):
        before = shop.statuses(key, journal.ingested)
        after = shop.statuses(key, journal.ingested | {day})
        changed = before != after
        if changed.any():
            orders = shop.orders(key)
            columns = {"transaction_id": orders.columns["transaction_id"], **status_columns(orders.payments, after)}
            yield {name: values[changed] for name, values in columns.items()}


def _tally(shop: Shop, journal: Journal, days: range) -> Tally:
    """The totals of the days, added up from every batch that holds rows of them."""
    tally = Tally(days)
    for key in journal.batches(days[0], days[-1] + LATEST_DAYS):
        orders, visits = shop.orders(key), shop.visits(key)
        tally.add_rows("session", visits.sessions["created_at"])
        tally.add_rows("transaction_item", orders.lines["created_at"])
        tally.add_orders(orders, shop.statuses(key, journal.ingested))
    for day in days:
        if journal.is_present(day):
            tally.add_rows("review", shop.reviews(day)["created_at"])
    last = journal.last_day
    tally.whole = {
        "customer": shop.customers.members.arrived_by(last),
        "product": shop.products.members.arrived_by(last),
        "payment_method": length(shop.payment_methods()),
        "store": length(shop.stores()),
    }
    return tally
