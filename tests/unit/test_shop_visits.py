"""What a day of the shop looks like, without a database: arithmetic, popularity, time, ids and wording."""

from datetime import date
from decimal import ROUND_HALF_UP, Decimal

import numpy as np
import pytest

from ingestion.batches import BatchKey, numbered
from ingestion.config import IngestionConfig
from ingestion.errors import ShopError
from ingestion.lifecycle import LAST_CHANGE, NEVER, PENDING
from ingestion.rows import DAY, Rows, day_number
from ingestion.schema import load_schema
from ingestion.shop import Shop

FIRST = day_number(date(2025, 6, 30))
DAYS = range(FIRST + 1, FIRST + 31)


@pytest.fixture(scope="module")
def shop() -> Shop:
    return Shop(IngestionConfig(), FIRST, DAYS[-1])


def every(shop: Shop, part: str) -> Rows:
    """A month's sessions, orders or lines."""
    keys = [BatchKey(day) for day in DAYS]
    chunks = [
        {"sessions": shop.visits(k).sessions, "orders": shop.orders(k).columns, "lines": shop.orders(k).lines}[part]
        for k in keys
    ]
    return {name: np.ma.concatenate([chunk[name] for chunk in chunks]) for name in chunks[0]}


def test_amounts_add_up_to_the_cent(shop: Shop) -> None:
    for day in DAYS:
        orders = shop.orders(BatchKey(day))
        lines, columns = orders.lines, orders.columns
        assert np.array_equal(lines["line_amount"], lines["quantity"] * lines["unit_price"] - lines["discount_amount"])
        assert np.all(lines["line_amount"] >= 0)
        per_order = np.bincount(orders.line_order, weights=lines["line_amount"]).astype(np.int64)
        assert np.array_equal(per_order, columns["items_amount"])
        extras = columns["shipping_amount"] + columns["tax_amount"]
        assert np.array_equal(columns["total_amount"], columns["items_amount"] + extras)


def test_tax_is_19_percent_rounded_half_up_and_shipping_is_free_from_60_euros(shop: Shop) -> None:
    orders = every(shop, "orders")
    exact = [Decimal(int(cents)) * 19 / 100 for cents in orders["items_amount"]]
    assert orders["tax_amount"].tolist() == [int(tax.quantize(Decimal(1), ROUND_HALF_UP)) for tax in exact]
    is_free = (orders["items_amount"] >= 6000) | (orders["channel"] == "store")
    assert orders["shipping_amount"].tolist() == np.where(is_free, 0, 495).tolist()


def test_lines_carry_the_instant_of_their_order(shop: Shop) -> None:
    orders = shop.orders(BatchKey(DAYS[0]))
    assert np.array_equal(orders.lines["created_at"], orders.columns["created_at"][orders.line_order])
    assert np.array_equal(orders.lines["transaction_id"], orders.columns["transaction_id"][orders.line_order])


def test_an_order_happens_within_its_session_and_on_its_day(shop: Shop) -> None:
    visits, orders = shop.visits(BatchKey(DAYS[0])), shop.orders(BatchKey(DAYS[0]))
    session = {name: values[visits.has_order] for name, values in visits.sessions.items()}
    created = orders.columns["created_at"]
    assert np.all((session["created_at"] <= created) & (created <= session["ended_at"]))
    assert np.array_equal(session["created_at"] // DAY, session["ended_at"] // DAY)
    assert np.array_equal(session["customer_id"], orders.columns["customer_id"])


def test_some_orders_arrive_late_but_never_in_the_history(shop: Shop) -> None:
    lateness = np.concatenate([day - shop.orders(BatchKey(day)).payments.placed // DAY for day in DAYS])
    assert set(np.unique(lateness)) == {0, 1, 2}
    assert 0 < (lateness > 0).mean() < 0.03
    for day in shop.history:
        assert np.all(shop.visits(BatchKey(day)).sessions["created_at"] // DAY == day)


def test_lines_per_order_and_channels(shop: Shop) -> None:
    orders, sessions = every(shop, "orders"), every(shop, "sessions")
    assert len(every(shop, "lines")["quantity"]) / len(orders["channel"]) == pytest.approx(2.2, abs=0.05)
    assert set(orders["channel"]) == {"web", "app", "marketplace", "store"}
    assert len(orders["channel"]) / len(sessions["channel"]) == pytest.approx(0.33, abs=0.01)
    assert np.all(orders["store_id"][orders["channel"] == "web"] == 1)
    assert np.all(orders["store_id"][orders["channel"] == "store"] > 4)
    assert 0.2 < np.ma.getmaskarray(sessions["customer_id"]).mean() < 0.6


def test_a_few_products_sell_most(shop: Shop) -> None:
    sold = np.sort(np.bincount(every(shop, "lines")["product_id"]))[::-1]
    assert sold[: len(sold) // 100].sum() > 0.25 * sold.sum()


def test_customers_come_back_and_nobody_buys_before_signing_up(shop: Shop) -> None:
    orders = every(shop, "orders")
    signed_up = shop.customers.members.instants[orders["customer_id"] - 1]
    assert np.all(signed_up < orders["created_at"])
    assert np.any(signed_up > FIRST * DAY)
    per_customer = np.bincount(orders["customer_id"])
    assert (per_customer > 1).sum() > 0.1 * (per_customer > 0).sum()


def test_prices_are_those_of_the_instant(shop: Shop) -> None:
    change = shop.products.repricing(DAYS[0])
    ids, at, new = change["product_id"], change["updated_at"], change["list_price"]
    before, after = shop.products.prices_at(ids, at - 1_000_000), shop.products.prices_at(ids, at)
    assert np.array_equal(after, new)
    assert (before != after).any()


def test_every_change_of_an_order_falls_within_five_days_of_it(shop: Shop) -> None:
    for day in DAYS:
        payments = shop.orders(BatchKey(day)).payments
        for instants in (payments.paid, payments.refunded, payments.cancelled):
            happens = instants != NEVER
            assert np.all(instants[happens] > payments.placed[happens])
            assert np.all(instants[happens] // DAY - payments.placed[happens] // DAY <= LAST_CHANGE)
        assert np.all((payments.paid == NEVER) == (payments.cancelled != NEVER))


def test_the_first_load_knows_what_happened_until_its_last_day(shop: Shop) -> None:
    for day in shop.history:
        status, payments = shop.statuses(BatchKey(day), {FIRST}), shop.orders(BatchKey(day)).payments
        settled = np.minimum(payments.paid, payments.cancelled) // DAY <= FIRST
        assert np.array_equal(status != PENDING, settled)
        assert day > FIRST - LAST_CHANGE or settled.all()


def test_reviews_follow_what_they_review_and_point_only_at_what_is_surely_there(shop: Shop) -> None:
    placed, written_for = {}, {}
    for day in [*shop.history, *DAYS]:
        orders = shop.orders(BatchKey(day))
        ids = orders.columns["transaction_id"].tolist()
        placed.update(zip(ids, orders.payments.placed.tolist(), strict=True))
        written_for.update(dict.fromkeys(ids, day))
    for day in DAYS:
        reviews = shop.reviews(day)
        verified = reviews["is_verified_purchase"]
        assert np.array_equal(~np.ma.getmaskarray(reviews["transaction_id"]), verified)
        for transaction, created in zip(reviews["transaction_id"], reviews["created_at"], strict=True):
            if transaction is not np.ma.masked:
                assert placed[transaction] < created
                assert written_for[transaction] <= FIRST or written_for[transaction] == day


def test_wording_has_nulls_empties_and_everything_csv_hates(shop: Shop) -> None:
    reviews = [shop.reviews(day) for day in DAYS]
    for column in ("title", "body"):
        words = [text for review in reviews for text in review[column]]
        assert None in words
        assert "" in words
    whole = "".join(text or "" for review in reviews for text in [*review["title"], *review["body"]])
    assert all(mark in whole for mark in [",", '"', "\n", "\r\n", "\t", "\\N", "👍", "Δ", "安"])


def test_ids_never_collide_and_tell_day_and_batch() -> None:
    keys = [BatchKey(day, number) for day in (*DAYS, FIRST) for number in (0, 1, 99)]
    ids = np.concatenate([numbered(key, 1000) for key in keys])
    assert len(np.unique(ids)) == len(ids)
    assert numbered(BatchKey(FIRST, 3), 2).tolist() == [250630_03_0000001, 250630_03_0000002]


@pytest.mark.parametrize("key", [BatchKey(FIRST, 100), BatchKey(day_number(date(2100, 1, 1)))])
def test_what_has_no_id_is_refused(key: BatchKey) -> None:
    with pytest.raises(ShopError, match="no ids for batch"):
        numbered(key, 1)


def test_every_table_gets_exactly_the_columns_of_the_catalog(shop: Shop) -> None:
    orders = shop.orders(BatchKey(FIRST))
    rows = {
        "customer": shop.customers.founding(),
        "product": shop.products.arriving(DAYS[0]),
        "payment_method": shop.payment_methods(),
        "store": shop.stores(),
        "session": shop.visits(BatchKey(FIRST)).sessions,
        "transaction_item": orders.lines,
        "review": shop.reviews(FIRST),
    }
    for table, columns in rows.items():
        assert set(columns) == set(load_schema().tables[table].columns), table
