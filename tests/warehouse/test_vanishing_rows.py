"""A source that has lost rows: what is small is healed, what is large is asked about, and goes when accepted."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from small_shop import DAY, DDL, Shop

from pipeline import steps
from pipeline.errors import VanishingRowsError

pytestmark = pytest.mark.slow

SALES = "select count(*) from staging.sale"
PARTITIONED = """
create schema ecommerce;
create table ecommerce.customer (customer_id bigint primary key, name text, created_at timestamptz not null);
insert into ecommerce.customer select i, 'customer ' || i, '2024-12-31' from generate_series(1, 50) i;
create table ecommerce.sale (sale_id bigint, amount numeric(12,2) not null, note text, created_at timestamptz not null)
    partition by range (created_at);
create table ecommerce.sale_2024 partition of ecommerce.sale for values from ('2024-01-01Z') to ('2025-01-01Z');
create table ecommerce.sale_2025 partition of ecommerce.sale for values from ('2025-01-01Z') to ('2026-01-01Z');
insert into ecommerce.sale select i, 1, null, timestamptz '2025-01-10 00:00:00Z' - (i % 30) * interval '1 day'
    from generate_series(1, 300) i;
"""


def objects(shop: Shop) -> dict[str, bytes]:
    return {str(f): f.read_bytes() for f in sorted(shop.days_folder.rglob("*")) if f.is_file()}


def test_a_truncated_table_is_asked_about_and_nothing_is_written(shop: Shop) -> None:
    shop.sync()
    before = objects(shop)
    shop.execute("truncate ecommerce.sale")

    with pytest.raises(VanishingRowsError, match=r"150 of 150 published rows of sale \(sale 2024-12-12; ") as caught:
        shop.sync()

    assert "`tillroll sync --day 2025-01-10 --accept-vanishing`" in caught.value.remedy
    assert "repair the source or TILLROLL_SOURCE_URL" in caught.value.remedy
    assert objects(shop) == before
    assert shop.warehouse(SALES) == [(300,)]


def test_what_is_accepted_is_published_and_the_step_that_asked_finds_it_done(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    """As the question says: the run by hand publishes, and the failed one in Airflow is cleared."""
    shop.sync()
    shop.execute("truncate ecommerce.sale, ecommerce.customer")
    with pytest.raises(VanishingRowsError, match=r"50 of 50 published rows of customer \(customer \(whole\)\); 150 of"):
        steps.extract_day(shop.settings, DAY)

    assert shop.sync(accept_vanishing=True, sweep=100).publish.partitions == {"customer": 1, "sale": 30}
    accepted = [r.getMessage() for r in caplog.records if r.name == "pipeline.vanishing"]
    assert accepted[0] == "accepted as gone from the source: 50 of 50 published rows of customer (customer (whole))"
    assert accepted[1].startswith(
        "accepted as gone from the source: 300 of 300 published rows of sale (sale 2024-12-12;"
    )

    assert steps.extract_day(shop.settings, DAY).planned == {}
    assert steps.publish_day(shop.settings, DAY).nothing_to_do
    assert shop.warehouse(SALES) == [(0,)]
    assert shop.audit().equal


def test_an_accepted_run_that_was_killed_before_it_published_is_taken_up(shop: Shop) -> None:
    shop.sync()
    shop.execute("truncate ecommerce.customer")
    program = (
        "import sys; from datetime import date; from pipeline import steps; from pipeline.plan import Scope;"
        "from pipeline.settings import Settings;"
        "settings = Settings.model_validate_json(sys.argv[1]).model_copy(update={'source_url': None});"
        "steps.source = lambda _: __import__('contextlib').nullcontext(sys.argv[2]);"
        "steps.extract_day(settings, date(2025, 1, 10), scope=Scope(accept_vanishing=True))"
    )
    settings = shop.settings.model_copy(update={"source_url": None}).model_dump_json()
    subprocess.run([sys.executable, "-c", program, settings, shop.url], check=True, timeout=60)

    assert steps.publish_day(shop.settings, DAY).partitions == {"customer": 1}
    assert shop.audit().equal


def test_the_last_rows_of_a_small_table_are_asked_about(shop: Shop) -> None:
    shop.execute("delete from ecommerce.customer where customer_id > 3")
    shop.sync()
    shop.execute("delete from ecommerce.customer where customer_id = 3")
    shop.sync()
    shop.execute("delete from ecommerce.customer")

    with pytest.raises(VanishingRowsError, match="2 of 2 published rows of customer"):
        shop.sync()


def test_the_only_row_of_the_compared_days_may_go_where_the_table_has_others(shop: Shop) -> None:
    shop.execute("delete from ecommerce.sale where created_at > '2025-01-01Z' and sale_id <> 2")
    shop.sync()
    shop.execute("delete from ecommerce.sale where sale_id = 2")

    assert shop.sync(sweep=0).publish.partitions == {"sale": 1}
    shop.execute("delete from ecommerce.sale")
    with pytest.raises(VanishingRowsError):
        shop.sync(sweep=1)


def restored(shop: Shop, change: Callable[[], None]) -> None:
    """Back up the source, let it live on and be published, and put the backup in its place."""
    shop.execute("create schema backup; create table backup.sale as select * from ecommerce.sale")
    change()
    shop.execute("delete from ecommerce.sale; insert into ecommerce.sale select * from backup.sale")


def live_on(shop: Shop, days: int) -> None:
    for offset in range(1, days + 1):
        day = DAY + timedelta(days=offset)
        shop.execute(
            f"insert into ecommerce.sale select {1000 * offset} + i, i, null, timestamptz '{day} 12:00Z'"
            " from generate_series(1, 10) i;"
            f"update ecommerce.sale set note = 'paid on {day}' where created_at = '{day - timedelta(days=3)} 12:00Z'"
        )
        shop.sync(day)


@pytest.mark.parametrize(("days", "asks"), [(1, False), (4, True)])
def test_a_restored_backup_is_healed_below_the_share_and_asked_about_above(shop: Shop, days: int, asks: bool) -> None:
    shop.sync()
    restored(shop, lambda: live_on(shop, days))
    last = DAY + timedelta(days=days)

    if asks:
        with pytest.raises(VanishingRowsError, match=r"40 of 150 published rows of sale \(sale 2025-01-11; sale 2025-"):
            shop.sync(last)
        assert shop.warehouse(SALES) == [(300 + 10 * days,)]
    shop.sync(last, accept_vanishing=asks)

    assert shop.warehouse(SALES) == [(300,)]
    assert shop.audit().equal


def test_days_that_come_back_after_they_were_let_go_arrive_again(shop: Shop) -> None:
    shop.sync()
    shop.execute("create schema backup; create table backup.sale as select * from ecommerce.sale")
    shop.execute("delete from ecommerce.sale where created_at >= '2025-01-05Z'")
    with pytest.raises(VanishingRowsError):
        shop.sync()
    shop.sync(accept_vanishing=True)
    assert shop.warehouse(SALES) == [(240,)]
    shop.execute("insert into ecommerce.sale select * from backup.sale where created_at >= '2025-01-05Z'")

    shop.sync(DAY + timedelta(days=1))

    assert shop.warehouse(SALES) == [(300,)]
    assert shop.audit().equal


def test_rows_that_came_during_a_pause_make_up_for_none_that_went(shop: Shop) -> None:
    shop.sync()
    shop.execute(
        "delete from ecommerce.sale;"
        "insert into ecommerce.sale select 1000 + i, 1, null, timestamptz '2025-01-11 Z' + i % 12 * interval '1 day'"
        " from generate_series(1, 600) i"
    )

    with pytest.raises(VanishingRowsError, match="published rows of sale"):
        shop.sync(DAY + timedelta(days=12))

    assert shop.warehouse(SALES) == [(300,)]


def test_a_partition_dropped_from_the_source_is_asked_about(shop_url: str, tmp_path: Path) -> None:
    shop = Shop.at(shop_url, tmp_path)
    shop.execute(PARTITIONED)
    shop.sync()
    shop.execute("drop table ecommerce.sale_2025")

    with pytest.raises(VanishingRowsError, match=r"80 of 150 published rows of sale"):
        shop.sync()
    shop.sync(accept_vanishing=True, sweep=100)

    assert shop.warehouse(SALES) == [(200,)]
    assert shop.audit().equal


def test_a_heal_asks_as_a_sync_does(shop: Shop) -> None:
    shop.sync()
    shop.execute("delete from ecommerce.sale where created_at < '2025-01-01Z'")
    assert shop.sync(sweep=0).publish.nothing_to_do  # all of it lies beyond the lookback

    with pytest.raises(VanishingRowsError, match="200 of 280 published rows of sale"):
        shop.heal()
    assert shop.heal(accept_vanishing=True).equal


def test_rows_that_move_between_days_are_not_taken_for_gone(shop: Shop) -> None:
    shop.sync()
    shop.execute("update ecommerce.sale set created_at = '2025-01-11 12:00Z' where created_at >= '2025-01-05Z'")

    shop.sync(date(2025, 1, 11))

    assert shop.warehouse(SALES) == [(300,)]
    assert shop.audit().equal


def test_a_change_of_columns_does_not_hide_that_rows_are_gone(shop: Shop) -> None:
    shop.sync()
    shop.execute("delete from ecommerce.sale where created_at < '2025-01-05Z'")
    shop.execute("alter table ecommerce.sale add column channel text not null default 'web'")
    shop.catalog(lambda tables: tables["sale"]["columns"].update(channel="text not null"))

    with pytest.raises(VanishingRowsError, match="240 of 300 published rows of sale"):
        shop.sync()


@pytest.mark.parametrize(
    ("rows", "question"),
    [
        ("delete from ecommerce.sale where sale_id % 3 = 0", r"rows of sale \(sale"),  # a developer's, with fewer
        (
            "insert into ecommerce.sale values (999, 1, null, '2025-01-10 12:00Z')",
            "not one of the 16 published partitions",
        ),
    ],
)
def test_another_database_by_mistake_is_asked_about(
    shop: Shop, postgres_url: str, tmp_path: Path, rows: str, question: str
) -> None:
    """The URL of another shop with the same tables, where the right one should be."""
    shop.sync()
    name = f"other_{shop.url.rpartition('_')[2]}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    try:
        other = Shop.at(f"{shop.url.rpartition('/')[0]}/{name}", shop.folder)
        other.execute(f"{DDL} update ecommerce.customer set name = 'X'; update ecommerce.sale set amount = 7; {rows}")
        with pytest.raises(VanishingRowsError, match=question):
            other.sync()
    finally:
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
    assert shop.audit().equal


def test_a_small_table_that_is_alike_everywhere_vouches_for_no_database(shop: Shop) -> None:
    shop.sync()
    before = objects(shop)
    shop.execute("update ecommerce.sale set amount = 7")

    with pytest.raises(VanishingRowsError, match="not one of the 15 published days of daily tables"):
        shop.sync()

    assert objects(shop) == before


def test_days_of_another_table_that_are_as_they_were_vouch_for_the_database(shop: Shop) -> None:
    shop.catalog(lambda tables: tables["customer"].update(partition="created_at"))
    shop.sync()
    shop.execute("update ecommerce.sale set amount = amount * 2")

    assert shop.sync(sweep=100).publish.partitions == {"sale": 30}
    assert shop.audit().equal


def test_an_empty_warehouse_is_filled_unasked(shop: Shop) -> None:
    shop.sync()
    shop.execute("truncate ecommerce.sale")
    shutil.rmtree(shop.settings.data / "warehouse")

    shop.sync()

    assert shop.audit().equal
