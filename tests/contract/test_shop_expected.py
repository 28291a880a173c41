"""The expected totals equal what PostgreSQL adds up, and stop being equal when a row changes behind their back."""

from datetime import date, timedelta

import psycopg
import pytest
from shop_state import FIRST, SMALL

from ingestion.expected import DAILY_TABLES, ExpectedDay, Sales, expected_master_rows, expected_totals
from ingestion.main_ingestion import ingest, main

SALES = """
select
    created_at::date,
    status,
    count(*),
    sum((select sum(quantity) from ecommerce.transaction_item i where i.transaction_id = t.transaction_id)),
    sum(total_amount)
from ecommerce.transaction t
group by 1, 2
"""


@pytest.fixture
def shop(shop_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A shop with days out of order, a gap, and extra batches before and after the days around them."""
    monkeypatch.setattr("ingestion.main_ingestion.load_config", lambda: SMALL)
    ingest(shop_url, FIRST)
    ingest(shop_url, FIRST + timedelta(days=1))
    main(30, FIRST + timedelta(days=8), shop_url)
    for later in (6, 2, 7, 3):
        ingest(shop_url, FIRST + timedelta(days=later))
    main(20, FIRST - timedelta(days=2), shop_url)
    main(20, FIRST + timedelta(days=6), shop_url)
    return shop_url


def added_up(url: str) -> list[ExpectedDay]:
    rows: dict[date, dict[str, int]] = {}
    with psycopg.connect(url) as connection:
        connection.execute("set timezone to 'UTC'")
        for table in DAILY_TABLES:
            counts = connection.execute(f"select created_at::date, count(*) from ecommerce.{table} group by 1")
            for day, count in counts:
                rows.setdefault(day, dict.fromkeys(DAILY_TABLES, 0))[table] = count
        sales = {day: dict.fromkeys(["pending", "paid", "refunded", "cancelled"], Sales()) for day in rows}
        for day, status, orders, units, amount in connection.execute(SALES):
            sales[day][status] = Sales(orders, int(units), amount)
    return [ExpectedDay(day, rows[day], sales[day]) for day in sorted(rows)]


def test_totals_equal_what_postgresql_adds_up(shop: str) -> None:
    totals = expected_totals(shop)
    assert totals == added_up(shop)
    assert sum(day.orders for day in totals) == sum(day.rows["transaction"] for day in totals)
    assert all(sum(day.sales[status].orders for day in totals) for status in ("pending", "refunded", "cancelled"))


def test_master_rows_equal_what_postgresql_counts(shop: str) -> None:
    with psycopg.connect(shop) as connection:
        for table, expected in expected_master_rows(shop).items():
            assert connection.execute(f"select count(*) from ecommerce.{table}").fetchone() == (expected,)


def test_revenue_is_what_is_paid(shop: str) -> None:
    query = "select sum(total_amount) from ecommerce.transaction where status = 'paid'"
    with psycopg.connect(shop) as connection:
        assert connection.execute(query).fetchone() == (sum(day.revenue for day in expected_totals(shop)),)


@pytest.mark.parametrize(
    "change",
    [
        "update ecommerce.transaction_item set quantity = quantity + 1 where line_number = 3",
        "update ecommerce.transaction set status = 'pending' where status = 'refunded'",
        "delete from ecommerce.review where title is null",
    ],
)
def test_a_change_behind_their_back_shows(shop: str, change: str) -> None:
    with psycopg.connect(shop) as connection:
        assert connection.execute(change).rowcount > 0
    assert expected_totals(shop) != added_up(shop)
