"""The practice shop adds up what any copy of it must say; the marts, at the other end, say it to the cent.

So do the tables that dashboards read, which are held to PostgreSQL's own rows besides.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

import duckdb
import psycopg
import pytest
from page_totals import QUESTIONS, Question

from ingestion.config import CONFIG_VARIABLE, IngestionConfig, Shares, Volumes
from ingestion.expected import expected_totals
from ingestion.main_ingestion import ingest, main
from pipeline.settings import Settings
from pipeline.steps import sync_day
from pipeline.transform import TransformReport, transform_core, transform_datamart

pytestmark = pytest.mark.slow

FIRST = date(2025, 1, 31)
STATUSES = ("pending", "paid", "refunded", "cancelled")
SMALL = IngestionConfig(
    history_days=10,
    volumes=Volumes(customers=400, products=200, stores=8, sessions=600, transactions=200, reviews=150),
    shares=Shares(late_orders=0.2, refunded=0.3, daily_moves=0.02, daily_price_changes=0.02),
)
Totals = dict[date, tuple[int, int, Decimal]]


def expected(url: str, status: str, until: date) -> Totals:
    """Orders, units and amount per day, as the ingester added them up."""
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "select day, orders, units, amount from shop_ledger.expected_sales "
            "where status = %s and day <= %s and orders > 0",
            [status, until],
        ).fetchall()
    return {day: (orders, units, amount) for day, orders, units, amount in rows}


def found(marts: str, status: str) -> Totals:
    """The same, as people read it."""
    amount = {"paid": "revenue", "refunded": "refunds"}.get(status, f"{status}_amount")
    with duckdb.connect(marts, read_only=True) as connection:
        rows = connection.execute(
            f"select day, {status}_orders, {status}_units, {amount} from marts_daily_sales where {status}_orders > 0"
        ).fetchall()
    return {day: (orders, units, amount) for day, orders, units, amount in rows}


@dataclass
class Told:
    """Three days of the shop, and after each what the marts said by status, beside what they had to."""

    url: str
    settings: Settings
    core: list[TransformReport] = field(default_factory=list)
    found: list[Totals] = field(default_factory=list)
    expected: list[Totals] = field(default_factory=list)


@pytest.fixture(scope="module")
def told(shop_url_of_module: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """Late orders, payments that come and go, moves and new prices, and at last a batch out of turn."""
    url, folder = shop_url_of_module, tmp_path_factory.mktemp("totals")
    config = folder / "ingestion.yml"
    config.write_text(SMALL.model_dump_json())
    told = Told(url, Settings(_env_file=None, data_dir=folder, source_url=url, lookback=5))  # type: ignore[call-arg]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CONFIG_VARIABLE, str(config))
        for day in (FIRST + timedelta(days=n) for n in range(3)):
            ingest(url, day)
            if day == FIRST + timedelta(days=2):
                main(50, day, url)
            sync_day(told.settings, day)
            told.core.append(transform_core(told.settings, day))
            transform_datamart(told.settings, day)
            for status in STATUSES:
                told.found.append(found(told.settings.marts, status))
                told.expected.append(expected(url, status, day))
        yield told


def test_the_marts_say_what_the_shop_expects(told: Told) -> None:
    assert [core.quarantined for core in told.core] == [{}, {}, {}]
    assert [core.everything for core in told.core] == [True, False, False]
    assert all(told.expected)
    assert told.found == told.expected


@pytest.mark.parametrize("table", ["bi_sales", "bi_products", "bi_customers", "bi_payments", "bi_channels"])
def test_what_dashboards_read_adds_up_to_what_the_shop_expects(told: Told, table: str) -> None:
    """Every page's table, day by day. An order counts for each of its products, so those do not say how many."""
    orders = {"bi_customers": "count(*)", "bi_products": "null"}.get(table, "sum(orders)")
    days = [day for day in expected_totals(told.url) if day.orders]
    with duckdb.connect(told.settings.marts, read_only=True) as connection:
        said = connection.execute(
            f"select day, {orders}, sum(units), sum(gross_amount), sum(revenue), sum(refunds) from {table} "
            "group by day having sum(units) > 0 order by day"
        ).fetchall()

    assert said == [
        (
            *(day.day, None if table == "bi_products" else day.orders, day.units),
            *(sum(sales.amount for sales in day.sales.values()), day.revenue, day.refunds.amount),
        )
        for day in days
    ]


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.page)
def test_what_dashboards_read_is_what_postgresql_says(told: Told, question: Question) -> None:
    said = question.said(told.settings.marts)
    with psycopg.connect(told.url) as source, source.cursor() as cursor:
        assert said == question.true(cursor)
        assert len(said) > 10

        cursor.execute(question.fault.encode())

        assert said != question.true(cursor)
        source.rollback()
