"""The ingester against a real PostgreSQL: volumes, repeats, order of days, crashes, rivals, and what it refuses."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from psycopg import sql
from shop_state import FIRST, SMALL, dump, value

from ingestion.config import IngestionConfig
from ingestion.errors import ShopError
from ingestion.expected import expected_totals
from ingestion.main_ingestion import ingest

DAYS = [FIRST + timedelta(days=n) for n in (1, 2, 3, 5, 9)]


@pytest.fixture
def twin_url(postgres_url: str) -> Iterator[Callable[[str], str]]:
    """Makes further empty databases, by name."""
    made = []

    def make(name: str) -> str:
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        made.append(name)
        return urlunsplit(urlsplit(postgres_url)._replace(path=f"/{name}"))

    yield make
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        for name in made:
            connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def grown(url: str, days: list[date]) -> str:
    for day in [FIRST, *days]:
        ingest(url, day, SMALL)
    return url


@pytest.mark.slow
def test_the_reference_first_load_has_the_volumes_it_promises(shop_url: str) -> None:
    report = ingest(shop_url, FIRST, IngestionConfig())
    items = report.inserted.pop("transaction_item")
    assert report.inserted == {
        "customer": 100_000,
        "product": 60_000,
        "payment_method": 12,
        "store": 36,
        "session": 50_000,
        "transaction": 16_500,
        "review": 16_500,
    }
    assert items / 16_500 == pytest.approx(2.2, abs=0.05)
    spans = 'select array[min(created_at)::date, max(created_at)::date]::text from ecommerce."transaction"'
    assert value(shop_url, spans) == "{2024-11-03,2025-01-31}"
    later = ingest(shop_url, DAYS[0], IngestionConfig())
    assert 100 < later.inserted["transaction"] < 300


def test_a_repeat_changes_nothing(shop_url: str) -> None:
    grown(shop_url, DAYS)
    before = dump(shop_url)
    for day in [FIRST, *DAYS, FIRST - timedelta(days=3)]:
        report = ingest(shop_url, day, SMALL)
        assert report.already_done
        assert not report.inserted
    assert dump(shop_url) == before


def test_a_day_before_the_history_has_no_rows(shop_url: str, caplog: pytest.LogCaptureFixture) -> None:
    grown(shop_url, [])
    before = dump(shop_url)
    with caplog.at_level("INFO"):
        report = ingest(shop_url, FIRST - timedelta(days=10), SMALL)
    assert (report.inserted, report.updated, report.already_done) == ({}, {}, False)
    assert "the shop's history begins on 2025-01-22" in caplog.text
    assert dump(shop_url) == before


def test_twins_are_identical_whatever_the_order(shop_url: str, twin_url: Callable[[str], str]) -> None:
    grown(shop_url, DAYS)
    for number, order in enumerate([DAYS, DAYS[::-1], [DAYS[2], DAYS[4], DAYS[0], DAYS[3], DAYS[1]]]):
        assert dump(grown(twin_url(f"twin_{number}"), order)) == dump(shop_url)


def test_another_set_of_days_gives_another_shop(shop_url: str, twin_url: Callable[[str], str]) -> None:
    """Guards the comparison of twins: it can fail."""
    assert dump(grown(shop_url, DAYS)) != dump(grown(twin_url("twin_less"), DAYS[:-1]))


def test_later_days_touch_only_what_a_lookback_of_five_sees(shop_url: str) -> None:
    grown(shop_url, DAYS[:3])
    query = 'select "transaction_id", created_at::date, t::text from ecommerce."transaction" t'
    with psycopg.connect(shop_url) as connection:
        connection.execute("set timezone to 'UTC'")
        before = {row[0]: row for row in connection.execute(query)}
    report = ingest(shop_url, DAYS[3], SMALL)
    with psycopg.connect(shop_url) as connection:
        connection.execute("set timezone to 'UTC'")
        changed = [row for row in connection.execute(query) if row != before.get(row[0])]
    assert report.updated["transaction"] > 0
    assert len(changed) == report.updated["transaction"] + report.inserted["transaction"]
    assert {day for _, day, _ in changed} > {DAYS[3]}
    assert all(DAYS[3] - timedelta(days=5) <= day <= DAYS[3] for _, day, _ in changed)


def test_master_data_changes_with_the_days(shop_url: str) -> None:
    report = ingest(grown(shop_url, []), DAYS[0], SMALL)
    assert report.updated["customer"] > 0
    assert report.updated["product"] > 0
    for table in ("customer", "product"):
        moved = value(shop_url, f"select count(*) from ecommerce.{table} where updated_at::date = '2025-02-01'")
        new = value(shop_url, f"select count(*) from ecommerce.{table} where created_at::date = '2025-02-01'")
        assert moved == report.updated[table] + report.inserted[table]
        assert new == report.inserted[table]


def test_killed_in_the_middle_of_a_day_nothing_of_it_is_there(
    shop_url: str, twin_url: Callable[[str], str], tmp_path: Path
) -> None:
    grown(shop_url, [])
    before = dump(shop_url)
    config = tmp_path / "shop.yml"
    config.write_text(SMALL.model_dump_json(), encoding="utf-8")  # JSON is YAML
    program = "import os, datetime; from ingestion.main_ingestion import ingest; "
    program += f"ingest(os.environ['SHOP'], datetime.date.fromisoformat('{DAYS[0]}'))"
    with psycopg.connect(shop_url) as rival:
        rival.execute("lock table ecommerce.review in share mode")  # the day's customers and orders come before
        victim = subprocess.Popen(
            [sys.executable, "-c", program],
            env=os.environ | {"SHOP": shop_url, "TILLROLL_INGESTION_CONFIG": str(config)},
        )
        wait_until(
            shop_url,
            "select count(*) = 1 from pg_stat_activity where query ilike 'copy%review%' and wait_event_type = 'Lock'",
        )
        victim.send_signal(signal.SIGKILL)
        assert victim.wait() == -signal.SIGKILL
    wait_until(shop_url, "select count(*) = 0 from pg_stat_activity where application_name = 'tillroll shop'")
    assert dump(shop_url) == before
    ingest(shop_url, DAYS[0], SMALL)
    assert dump(shop_url) == dump(grown(twin_url("twin_undisturbed"), DAYS[:1]))


def wait_until(url: str, query: str) -> None:
    deadline = time.monotonic() + 30
    while not value(url, query):
        assert time.monotonic() < deadline, f"never true: {query}"
        time.sleep(0.05)


def test_two_at_once_take_turns(shop_url: str) -> None:
    with ThreadPoolExecutor(3) as pool:
        reports = list(pool.map(lambda _: ingest(shop_url, FIRST, SMALL), range(3)))
    assert sorted(report.already_done for report in reports) == [False, True, True]
    assert value(shop_url, "select count(*) from ecommerce.customer") == 500


def test_somebody_elses_tables_are_left_alone(shop_url: str) -> None:
    with psycopg.connect(shop_url) as connection:
        connection.execute("create schema ecommerce")
        connection.execute("create table ecommerce.customer (id int)")
    with pytest.raises(ShopError, match="the practice shop did not make") as caught:
        ingest(shop_url, FIRST, SMALL)
    assert "TILLROLL_SOURCE=external" in caught.value.remedy
    assert value(shop_url, "select to_regnamespace('shop_ledger') is null")


def test_a_shop_of_another_configuration_is_left_alone(shop_url: str) -> None:
    before = dump(grown(shop_url, []))
    with pytest.raises(ShopError, match="founded with other values of: seed"):
        ingest(shop_url, DAYS[0], SMALL.model_copy(update={"seed": 1}))
    assert dump(shop_url) == before


def test_nobody_answers(shop_url: str) -> None:
    dead = urlunsplit(urlsplit(shop_url)._replace(netloc="somebody:hidden@127.0.0.1:1"))
    with pytest.raises(ShopError, match=r"no PostgreSQL answers at 127\.0\.0\.1:1/") as caught:
        ingest(dead, FIRST, SMALL)
    assert "make up" in caught.value.remedy
    assert "hidden" not in str(caught.value)


def test_there_are_no_totals_without_a_shop(shop_url: str) -> None:
    assert expected_totals(shop_url) == []
