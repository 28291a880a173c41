"""dbt follows the change: an incremental build ends where a build from nothing would, and touches nothing else."""

import shutil
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from staged_shop import FIRST, LAST, Order, StagedShop, order_sql, orders, visits_sql

from pipeline.errors import StepError
from pipeline.fingerprint import Partition
from pipeline.settings import ROOT
from pipeline.transform_changes import outdated

pytestmark = pytest.mark.slow

SECOND, THIRD = FIRST + timedelta(days=1), FIRST + timedelta(days=2)
DAY_OF = {order.id: order for order in orders()}
NEXT_DAY = LAST + timedelta(days=1)

EVERY_KIND_OF_CHANGE = f"""
-- a payment arrives late, another order is changed, one is deleted
update staging.transaction set status = 'paid', updated_at = timestamp '2025-01-05' where transaction_id = 102;
update staging.transaction_item set product_id = 3 where transaction_id = 203;
delete from staging.transaction_item where transaction_id = 204;
delete from staging.transaction where transaction_id = 204;
-- an order moves to the day before
update staging.transaction set created_at = created_at - interval 1 day where transaction_id = 300;
update staging.transaction_item set created_at = created_at - interval 1 day where transaction_id = 300;
-- a review and a visit come late, and one of each goes
delete from staging.review where review_id = 400;
insert into staging.review
select 999, 2, 3, null, 4, null, '', false, timestamp '2025-01-02 01:00', timestamp '2025-01-05';
delete from staging.session where session_id = 209;
-- a new day, a new customer, a new price, a shop closes
{visits_sql(NEXT_DAY)}
{order_sql(replace(DAY_OF[103], id=501, at=DAY_OF[103].at + timedelta(days=4)))}
insert into staging.customer select 99, * exclude customer_id from staging.customer where customer_id = 1;
update staging.product set list_price = 99.90 where product_id = 2;
update staging.store set is_active = false where store_id = 2;
"""


def test_an_incremental_build_ends_where_a_build_from_nothing_does(built_shop: StagedShop, tmp_path: Path) -> None:
    built_shop.publish(EVERY_KIND_OF_CHANGE)
    twin = built_shop.copy(tmp_path / "twin")
    twin.warehouse.record_transformed([])

    followed, anew = built_shop.core(), twin.core()
    built_shop.datamart()
    twin.datamart()

    assert (followed.everything, followed.days) == (False, (FIRST, SECOND, THIRD, LAST, NEXT_DAY))
    assert anew.everything
    assert built_shop.rows("core", "datamart") == twin.rows("core", "datamart")
    assert all(equality.holds for equality in built_shop.warehouse.equalities())


def test_a_day_that_became_empty_leaves_the_facts(built_shop: StagedShop) -> None:
    tables = ("transaction", "transaction_item", "review", "session")
    built_shop.publish("".join(f"delete from staging.{t} where created_at::date = date '{SECOND}';" for t in tables))

    report = built_shop.core()
    built_shop.datamart()

    assert report.days == (SECOND,)
    for table in ("fact_transaction", "fact_review", "dim_session"):
        days = {day for (day,) in built_shop.query(f"select distinct day from core.{table}")}
        assert days == {FIRST, THIRD, LAST}, table
    sales = dict(built_shop.query("select day, orders from datamart.marts_daily_sales"))
    assert sales == {FIRST: 6, SECOND: 0, THIRD: 6, LAST: 6}


def test_only_changed_days_are_touched(built_shop: StagedShop) -> None:
    built_shop.execute("update core.fact_transaction set coupon_code = 'as built before'")
    built_shop.publish("update staging.transaction set status = 'refunded' where transaction_id = 200")

    report = built_shop.core()

    assert report.days == (SECOND,)
    rebuilt = built_shop.query("select distinct day from core.fact_transaction where coupon_code is null")
    assert rebuilt == [(SECOND,)]


def test_a_changed_customer_rebuilds_no_fact_and_makes_a_version(built_shop: StagedShop) -> None:
    built_shop.execute("update core.fact_transaction set coupon_code = 'as built before'")
    built_shop.publish(
        "update staging.customer set city = 'Elsewhere' where customer_id = 1; "
        "delete from staging.product where product_id = 99; insert into staging.product "
        "select 99, * exclude product_id from staging.product where product_id = 1;"
    )
    built_shop.core()
    built_shop.publish("delete from staging.product where product_id = 99")

    report = built_shop.core()

    assert (report.days, report.everything) == ((), False)
    assert built_shop.query("select distinct coupon_code from core.fact_transaction") == [("as built before",)]
    versions = built_shop.query(
        "select city, dbt_valid_to is null from core.snapshot_customer where customer_id = 1 order by dbt_valid_from"
    )
    assert versions == [("Town", False), ("Elsewhere", True)]
    gone = built_shop.query("select dbt_valid_to is null from core.snapshot_product where product_id = 99")
    assert gone == [(False,)]


def test_a_changed_model_rebuilds_everything(built_shop: StagedShop, tmp_path: Path) -> None:
    project = shutil.copytree(ROOT / "dbt", tmp_path / "project")
    built_shop.settings.dbt_project = str(project)
    fact = project / "models" / "core" / "fact" / "fact_transaction.sql"
    fact.write_text(fact.read_text().replace("    orders.coupon_code,", "    'all anew' as coupon_code,"))

    report = built_shop.core()

    assert report.everything
    assert built_shop.query("select distinct coupon_code from core.fact_transaction") == [("all anew",)]
    assert not built_shop.datamart().nothing_to_do


def test_a_model_dropped_by_hand_is_built_again(built_shop: StagedShop) -> None:
    built_shop.execute("drop table core.fact_review")

    report = built_shop.core()

    assert report.everything
    assert built_shop.query("select count(*) from core.fact_review") == [(24,)]


def test_a_shop_without_orders_or_reviews_is_built_too(tmp_path: Path) -> None:
    shop = StagedShop.new(tmp_path)
    shop.publish("delete from staging.transaction; delete from staging.transaction_item; delete from staging.review")

    shop.core()
    shop.datamart()

    sales = shop.query("select orders, revenue, sessions, conversion_rate from datamart.marts_daily_sales")
    assert sales == [(0, 0, 10, 0)] * 4
    assert shop.query("select sum(orders) from datamart.marts_customer_transaction_summary") == [(0,)]


def test_orders_keep_their_cents_however_they_split(built_shop: StagedShop) -> None:
    evening = next(orders()).at.replace(hour=20)
    cent, nothing = Decimal("0.01"), Decimal("0.00")
    tricky = [
        Order(901, evening, lines=tuple((1 + k % 5, 1, cent, nothing) for k in range(7)), shipping=Decimal("0.03")),
        Order(902, evening, lines=((1, 2, Decimal(5), Decimal(10)), (2, 1, Decimal(3), Decimal(3)))),
        Order(903, evening, lines=((1, 9999, Decimal("9999999.99"), cent), (2, 1, cent, nothing))),
    ]
    built_shop.publish(visits_sql(FIRST, 900) + "".join(map(order_sql, tricky)))

    built_shop.core()

    totals = built_shop.query(
        "select transaction_id, sum(total_amount) from core.fact_transaction where transaction_id > 900 group by 1"
    )
    assert dict(totals) == {order.id: order.total for order in tricky}


def test_the_facts_of_altered_rows_become_those_of_the_healed(built_shop: StagedShop) -> None:
    """Somebody changes staging by hand and core is built from that. Nothing changes that the ledger says."""
    true = built_shop.rows("core")
    orders = Partition("transaction", FIRST)
    built_shop.execute(
        "create table core._kept as from staging.transaction;"
        f"update staging.transaction set status = 'cancelled' where created_at::date = '{FIRST}'"
    )
    built_shop.warehouse.record_transformed(outdated(built_shop.warehouse.transformed(), {orders}))
    built_shop.core()
    assert built_shop.rows("core") != true

    built_shop.execute("delete from staging.transaction; insert into staging.transaction from core._kept")
    assert built_shop.core().nothing_to_do
    built_shop.warehouse.record_transformed(outdated(built_shop.warehouse.transformed(), {orders}))
    with pytest.raises(StepError, match=r"core .* is not built"):
        built_shop.datamart()

    assert built_shop.core().days == (FIRST,)
    assert built_shop.rows("core") == true
