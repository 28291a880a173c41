"""The marts say what the orders add up to, readers get a file of their own, and nothing runs for nothing."""

import subprocess
import sys
from collections import defaultdict
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from staged_shop import LAST, ORDERS_PER_DAY, VISITS_PER_DAY, StagedShop, order_sql, orders, visits_sql

from pipeline.rejected import NO_DAY
from pipeline.settings import ROOT

pytestmark = pytest.mark.slow


def test_daily_sales_are_the_sums_of_the_orders(built_shop: StagedShop) -> None:
    amounts: dict[object, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    units: dict[object, int] = defaultdict(int)
    for order in orders():
        amounts[order.at.date()][order.status] += order.total
        units[order.at.date()] += order.units

    found = built_shop.query(
        "select day, orders, units, gross_amount, revenue, refunds, pending_amount, cancelled_amount, sessions, "
        "sessions_with_order, conversion_rate, average_order_value from datamart.marts_daily_sales order by day"
    )

    assert found == [
        (
            *(day, ORDERS_PER_DAY, units[day], sum(by.values()), by["paid"], by["refunded"]),
            *(by["pending"], by["cancelled"], VISITS_PER_DAY, ORDERS_PER_DAY, Decimal("0.6000")),
            (by["paid"] / 3).quantize(Decimal("0.01"), "ROUND_HALF_UP"),
        )
        for day, by in amounts.items()
    ]


def test_products_share_shipping_and_tax_of_their_orders(built_shop: StagedShop) -> None:
    total = sum(order.total for order in orders())

    found = built_shop.query("select sum(gross_amount), count(*) from datamart.marts_product_transaction_summary")

    assert found == [(total, 5)]


def test_dates_are_those_of_the_calendar(built_shop: StagedShop) -> None:
    dates = built_shop.query("select day, day_of_week, week_start, is_weekend, is_published from core.dim_date")

    assert len(dates) == 365
    assert {day.isoweekday() for day, *_ in dates} == set(range(1, 8))
    for day, weekday, week_start, is_weekend, is_published in dates:
        assert weekday == day.isoweekday()
        assert (day - week_start).days == weekday - 1
        assert is_weekend == (weekday > 5)
        assert is_published == (day <= LAST)


def test_every_layer_is_equal_to_the_one_before(built_shop: StagedShop) -> None:
    equalities = built_shop.warehouse.equalities()

    assert len(equalities) == 27
    assert all(equality.holds for equality in equalities)


def test_health_says_of_each_partition_what_is_there_and_what_is_kept_out(built_shop: StagedShop) -> None:
    columns = "table_name, day, kind, source_rows, warehouse_rows, is_equal, quarantined_rows, rejected_rows"
    health = built_shop.query(
        f"select {columns}, source_checksum from datamart.bi_health where kind = 'whole' or is_companion "
        f"or day = '{LAST}' order by all"
    )
    checksums = {(p.table, p.day): str(e.fingerprint.checksum) for p, e in built_shop.warehouse.ledger().items()}

    assert [row[:8] for row in health] == [
        ("customer", None, "whole", 7, 7, True, 0, 0),
        ("payment_method", None, "whole", 2, 2, True, 0, 0),
        ("product", None, "whole", 5, 5, True, 0, 0),
        ("rejected_review", NO_DAY, "daily", 1, 1, True, 0, 1),
        ("review", LAST, "daily", ORDERS_PER_DAY, ORDERS_PER_DAY, True, 0, 0),
        ("session", LAST, "daily", VISITS_PER_DAY, VISITS_PER_DAY, True, 0, 0),
        ("store", None, "whole", 2, 2, True, 0, 0),
        ("transaction", LAST, "daily", ORDERS_PER_DAY, ORDERS_PER_DAY, True, 0, 0),
        ("transaction_item", LAST, "daily", 12, 12, True, 0, 0),
    ]
    assert [row[8] for row in health] == [checksums[row[0], row[1]] for row in health]


def test_a_row_lost_in_the_warehouse_is_seen_by_the_count(built_shop: StagedShop) -> None:
    compiled = built_shop.folder / "run" / "dbt" / "core" / "compiled" / "tillroll" / "models" / "core"
    counted = (compiled / "published_partition.sql").read_text()
    unequal = (
        f"select table_name, day, source_rows, warehouse_rows from ({counted}) where source_rows <> warehouse_rows"
    )
    assert built_shop.query(unequal) == []

    built_shop.execute("delete from staging.store where store_id = 2; delete from staging.review where review_id = 405")
    built_shop.execute("delete from staging.rejected_review")

    assert sorted(built_shop.query(unequal)) == [
        ("rejected_review", NO_DAY, 1, 0),
        ("review", LAST, 6, 5),
        ("store", None, 2, 1),
    ]


def test_a_day_published_after_core_waits_for_the_next_core(built_shop: StagedShop) -> None:
    """Airflow may sync a later day between the two transforms of a day: the marts are of the core that is there."""
    late = "update staging.transaction set status = 'refunded' where transaction_id = "
    order, visits = next(orders()), visits_sql(LAST + timedelta(days=1))
    built_shop.publish(f"{late} 200")
    built_shop.core()
    built_shop.publish(f"{late} 300; {visits}{order_sql(replace(order, id=501, at=order.at + timedelta(days=4)))}")

    built_shop.datamart()

    days = "select day, orders, refunded_orders from datamart.marts_daily_sales order by day"
    assert [row[1:] for row in built_shop.query(days)] == [(6, 1), (6, 2), (6, 1), (6, 1)]
    assert all(equality.holds for equality in built_shop.warehouse.equalities())
    built_shop.core()
    built_shop.datamart()
    assert [row[1:] for row in built_shop.query(days)] == [(6, 1), (6, 2), (6, 2), (6, 1), (1, 0)]
    assert all(equality.holds for equality in built_shop.warehouse.equalities())


def test_a_mart_dropped_by_hand_is_built_again(built_shop: StagedShop) -> None:
    built_shop.execute("drop table datamart.marts_daily_sales")

    report = built_shop.datamart()

    assert not report.nothing_to_do
    assert built_shop.query("select count(*) from datamart.marts_daily_sales") == [(4,)]


def test_nothing_runs_when_nothing_changed(built_shop: StagedShop) -> None:
    marts = built_shop.marts.stat()

    core, datamart = built_shop.core(), built_shop.datamart()

    assert (core.nothing_to_do, core.tests, core.days) == (True, 0, ())
    assert (datamart.nothing_to_do, datamart.tests) == (True, 0)
    assert built_shop.marts.stat() == marts
    assert max(core.seconds, datamart.seconds) < 3


def test_readers_have_the_marts_while_the_warehouse_is_being_written(built_shop: StagedShop) -> None:
    tables = set(built_shop.rows("datamart"))
    read = "import duckdb, sys; print(*duckdb.connect(sys.argv[1], read_only=True).execute(sys.argv[2]).fetchall())"
    names = "select 'datamart.' || table_name from duckdb_tables()"

    with duckdb.connect(str(built_shop.warehouse.path)) as writer:
        writer.execute("begin; delete from datamart.marts_daily_sales")
        listed = _run(sys.executable, "-c", read, str(built_shop.marts), names)
        days = _run(
            sys.executable, "-c", read, str(built_shop.marts), "select count(*) from datamart.marts_daily_sales"
        )
        writer.execute("rollback")

    assert all(name in listed for name in tables)
    assert len(tables) == 15
    assert days == "(4,)"


def test_dbt_leaves_the_file_open_to_other_processes(built_shop: StagedShop) -> None:
    built_shop.publish("update staging.store set store_name = 'Corner shop' where store_id = 1")
    project = _files(ROOT / "dbt")

    built_shop.core()

    read = "import duckdb, sys; print(*duckdb.connect(sys.argv[1]).execute(sys.argv[2]).fetchall())"
    query = "select store_name from core.dim_store where store_id = 1"
    assert _run(sys.executable, "-c", read, str(built_shop.warehouse.path), query) == "('Corner shop',)"
    assert _files(ROOT / "dbt") == project


def _files(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def _run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.strip()
