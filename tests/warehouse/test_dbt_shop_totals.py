"""The practice shop adds up what any copy of it must say; the marts, at the other end, say it to the cent."""

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import psycopg
import pytest

from ingestion.config import CONFIG_VARIABLE, IngestionConfig, Shares, Volumes
from ingestion.main_ingestion import ingest, main
from pipeline.settings import Settings
from pipeline.steps import sync_day
from pipeline.transform import transform_core, transform_datamart

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


def test_the_marts_say_what_the_shop_expects(shop_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three days with late orders, payments that come and go, moves and new prices, and at last a batch out of turn."""
    config = tmp_path / "ingestion.yml"
    config.write_text(SMALL.model_dump_json())
    monkeypatch.setenv(CONFIG_VARIABLE, str(config))
    settings = Settings(_env_file=None, data_dir=tmp_path, source_url=shop_url, lookback=5)
    for day in (FIRST + timedelta(days=n) for n in range(3)):
        ingest(shop_url, day)
        if day == FIRST + timedelta(days=2):
            main(50, day, shop_url)
        sync_day(settings, day)
        core = transform_core(settings, day)
        transform_datamart(settings, day)

        assert core.quarantined == {}
        assert core.everything == (day == FIRST)
        for status in STATUSES:
            assert found(settings.marts, status) == expected(shop_url, status, day), (day, status)
