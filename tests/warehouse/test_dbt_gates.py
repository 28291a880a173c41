"""dbt's gates can fail: planted faults are found, named, and never published; broken rows are set aside and counted."""

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from staged_shop import FIRST, LAST, StagedShop, order_sql, orders, visits_sql

from pipeline.errors import StepError, TransientError
from pipeline.transform_changes import PROJECT, UNFINISHED
from pipeline.warehouse.duckdb import DuckDBWarehouse

pytestmark = pytest.mark.slow

# A review that is there on two days: each by itself keeps every rule.
TWO_REVIEWS = (
    "insert into staging.review select * replace (created_at + interval 1 day as created_at) from staging.review "
    "where review_id = 200"
)
AS_BEFORE = "delete from staging.review where review_id = 200 and created_at >= '2025-01-03'"


def test_a_failed_test_names_itself_and_stops_the_datamart(built_shop: StagedShop) -> None:
    marts = built_shop.marts.read_bytes()
    built_shop.publish(TWO_REVIEWS)

    with pytest.raises(StepError) as failure:
        built_shop.core()

    assert "unique_fact_review_review_id" in failure.value.message
    assert "on fact_review found 1 row" in failure.value.message
    compiled = Path(failure.value.remedy.split(" selects")[0])
    assert "fact_review" in compiled.read_text()
    assert built_shop.query(failure.value.evidence) == [(200, 2)]
    with pytest.raises(StepError, match="its last build failed"):
        built_shop.datamart()
    assert built_shop.marts.read_bytes() == marts


def test_a_build_that_has_lost_its_lock_begins_no_further_model(
    built_shop: StagedShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its machine slept, and another run may be building."""
    asked: list[int] = []

    def lost_after_three(_: object) -> None:
        asked.append(1)
        if len(asked) > 3:
            raise TransientError("its lock ran out")

    monkeypatch.setattr(DuckDBWarehouse, "require_lock", lost_after_three)
    built_shop.publish("update staging.review set rating = 5 where review_id = 300")
    with pytest.raises(TransientError, match="its lock ran out"):
        built_shop.core()

    assert len(asked) == 4
    assert built_shop.query("select rating from core.fact_review where review_id = 300") == [(1,)]
    monkeypatch.undo()
    built_shop.core()
    assert built_shop.query("select rating from core.fact_review where review_id = 300") == [(5,)]


def test_a_failed_singular_test_names_itself_its_rows_and_its_sql(built_shop: StagedShop) -> None:
    """It is attached to no model, and the answer has to do without one."""
    built_shop.execute("delete from core.fact_review where review_id = 200")
    built_shop.publish("update staging.transaction set status = 'refunded' where transaction_id = 300")

    with pytest.raises(StepError) as failure:
        built_shop.core()

    assert failure.value.message.startswith("dbt test facts_hold_every_published_row found 1 row that must not be")
    compiled = Path(failure.value.remedy.split(" selects")[0])
    assert compiled.name == "facts_hold_every_published_row.sql"
    assert "full outer join built_per_day" in compiled.read_text()


def test_an_order_moved_out_of_sight_says_what_heals_it(built_shop: StagedShop) -> None:
    """Its new day was published; its old day lies further back than a sync looks, and holds it still."""
    ids = "transaction_id = 100"
    later = "* replace (created_at + interval 2 day as created_at)"
    tables = ("transaction", "transaction_item")
    built_shop.publish("".join(f"insert into staging.{t} select {later} from staging.{t} where {ids};" for t in tables))

    with pytest.raises(StepError) as failure:
        built_shop.core()

    assert failure.value.message.startswith("dbt test unique_fact_transaction_transaction_item_id on fact_transaction")
    assert "`tillroll audit --heal`" in failure.value.remedy
    built_shop.publish("".join(f"delete from staging.{t} where {ids} and created_at < '2025-01-02';" for t in tables))
    assert built_shop.core().models


def test_a_cent_lost_on_another_day_stops_core(built_shop: StagedShop) -> None:
    """Tests of an order's lines look at changed days; the sum of all orders does not."""
    built_shop.execute("update core.fact_transaction set total_amount = total_amount - 0.01 where transaction_id = 200")
    built_shop.publish("update staging.transaction set status = 'refunded' where transaction_id = 300")

    with pytest.raises(StepError, match="dbt test core_equals_what_is_published found 1 row"):
        built_shop.core()


def test_a_source_healed_to_what_it_was_is_built_again(built_shop: StagedShop) -> None:
    """The fingerprints are those of the last good build, and yet the facts hold the fault."""
    good = built_shop.query("from core.fact_review order by all")
    entries = built_shop.warehouse.ledger()
    built_shop.publish(TWO_REVIEWS)
    with pytest.raises(StepError):
        built_shop.core()
    built_shop.execute(AS_BEFORE)
    with built_shop.warehouse.publication() as publication:
        publication.publish(entries.values())

    report = built_shop.core()

    assert report.days
    assert built_shop.query("from core.fact_review order by all") == good
    assert not built_shop.datamart().nothing_to_do


def test_a_build_that_died_is_built_again(built_shop: StagedShop) -> None:
    transformed = built_shop.warehouse.transformed()
    dead = [entry for entry in transformed.values() if entry.partition.day != LAST and entry.partition != PROJECT]
    built_shop.warehouse.record_transformed([*dead, transformed[PROJECT]])
    for parsed in (built_shop.folder / "run" / "dbt").glob("*/partial_parse.msgpack"):
        parsed.write_bytes(parsed.read_bytes()[:1000])  # dbt died as it wrote them

    assert built_shop.core().days == (LAST,)
    assert all(entry.schema_id != UNFINISHED for entry in built_shop.warehouse.transformed().values())


def test_nothing_published_is_said(tmp_path: Path) -> None:
    shop = StagedShop(tmp_path)

    with pytest.raises(StepError, match="nothing is published"):
        shop.core()
    with pytest.raises(StepError, match=r"core in .* is not built"):
        shop.datamart()


BROKEN_ORDERS = {
    100: ("update staging.transaction set status = 'lost' where transaction_id = 100", "unknown status"),
    101: ("update staging.transaction set currency = 'USD' where transaction_id = 101", "another currency"),
    200: ("update staging.transaction set tax_amount = -1 where transaction_id = 200", "negative amount"),
    201: (
        "update staging.transaction set total_amount = total_amount + 1 where transaction_id = 201",
        "total is not items, shipping and tax",
    ),
    202: ("delete from staging.transaction_item where transaction_id = 202", "no lines in the same instant"),
    300: (
        "update staging.transaction_item set quantity = 0 where transaction_item_id = 3001",
        "a line of it breaks a rule",
    ),
    301: (
        "delete from staging.transaction_item where transaction_item_id = 3012",
        "lines do not add up to the items amount",
    ),
}
BROKEN_OTHERS = """
insert into staging.transaction_item select 99, 4711, * exclude (transaction_item_id, transaction_id)
from staging.transaction_item where transaction_item_id = 4001;
update staging.review set rating = 6 where review_id = 402;
update staging.session set ended_at = created_at - interval 1 hour where session_id = 400;
update staging.product set list_price = -1 where product_id = 5;
"""


@pytest.fixture
def broken_shop(built_shop: StagedShop) -> StagedShop:
    """A shop with one order for each rule of orders, and a line, a review, a visit and a product, that break a rule."""
    built_shop.publish(";".join(change for change, _ in BROKEN_ORDERS.values()) + ";" + BROKEN_OTHERS)
    return built_shop


def test_rows_that_break_a_rule_are_set_aside_and_counted(broken_shop: StagedShop) -> None:
    report = broken_shop.core()
    broken_shop.datamart()

    lines = sum(len(order.lines) for order in orders() if order.id in BROKEN_ORDERS and order.id != 202)
    counts = {"product": 1, "review": 1, "session": 1, "transaction": len(BROKEN_ORDERS)}
    # one line of order 301 is deleted, and one line without an order was added
    assert report.quarantined == {**counts, "transaction_item": lines - 1 + 1}
    reasons = dict(broken_shop.query("select transaction_id, quarantine_reason from staging.quarantine_transaction"))
    assert reasons == {order: reason for order, (_, reason) in BROKEN_ORDERS.items()}
    gross = sum((order.total for order in orders() if order.id not in BROKEN_ORDERS), Decimal())
    assert broken_shop.query("select sum(gross_amount) from datamart.marts_daily_sales") == [(gross,)]
    assert all(equality.holds for equality in broken_shop.warehouse.equalities())


def test_a_broken_visit_or_product_keeps_its_sales(broken_shop: StagedShop) -> None:
    broken_shop.core()
    broken_shop.datamart()

    visit = broken_shop.query(
        "select is_quarantined, page_views, ended_at from core.dim_session where session_id = 400"
    )
    assert visit == [(True, None, None)]
    product = broken_shop.query(
        "select is_quarantined, dim.list_price, orders > 0, margin_amount from core.dim_product as dim "
        "join datamart.marts_product_transaction_summary using (product_id) where product_id = 5"
    )
    assert product == [(True, None, True, None)]


def test_a_repaired_row_leaves_quarantine(broken_shop: StagedShop) -> None:
    broken_shop.core()
    broken_shop.publish("update staging.transaction set status = 'paid' where transaction_id = 100")

    report = broken_shop.core()

    assert report.quarantined["transaction"] == len(BROKEN_ORDERS) - 1
    assert broken_shop.query("select count(*) > 0 from core.fact_transaction where transaction_id = 100") == [(True,)]


def test_a_quarantine_that_grows_stops_the_build(built_shop: StagedShop) -> None:
    """A shop that renames a status must not silently lose its revenue."""
    first = next(orders())
    more = [replace(first, id=number) for number in range(900, 910)]
    built_shop.publish(
        f"{visits_sql(FIRST, 900)} {''.join(map(order_sql, more))}"
        f"update staging.transaction set status = 'completed' where status = 'paid' and created_at < date '{FIRST}' + 1"
    )

    with pytest.raises(StepError, match="stays_small_quarantine_transaction"):
        built_shop.core()


FAULTS = {
    "order_lines_add_up_to_their_order": (
        "update core.fact_transaction set total_amount = total_amount + 0.01 where transaction_item_id = 2001"
    ),
    "facts_hold_every_published_row": "delete from core.fact_review where review_id = 200",
    "staging_accounts_for_every_source_row": (
        "insert into staging.quarantine_product select stg_product.*, 'planted', 'planted' "
        "from staging.stg_product cross join range(2) where product_id = 1"
    ),
    "core_equals_what_is_published": "update core.core_equality set expected = expected + 0.01",
    "layers_are_equal": "update datamart.layer_equality set value = value + 0.01 where layer = 'core'",
    "daily_sales_add_up": "update datamart.marts_daily_sales set paid_units = paid_units + 1 where day = '2025-01-02'",
    "bi_tables_add_up": "delete from datamart.bi_sales where day = '2025-01-02' and orders = 0",  # visits only
    "bi_fees_and_margins_add_up": (
        "update datamart.bi_payments set fee_amount = fee_amount + 0.01 where day = '2025-01-02'"
    ),
    "unique_together_marts_store_channel_summary_day__store_id__channel": (
        "insert into datamart.marts_store_channel_summary from datamart.marts_store_channel_summary limit 1"
    ),
    "unique_fact_transaction_transaction_item_id": (
        "insert into core.fact_transaction from core.fact_transaction limit 1"
    ),
    "relationships_fact_review_customer_id__customer_id__ref_dim_customer_": "delete from core.dim_customer",
    "accepted_values_fact_transaction_status__pending__paid__refunded__cancelled": (
        "update core.fact_transaction set status = 'lost'"
    ),
}


def test_every_kind_of_test_finds_its_planted_fault(built_shop: StagedShop) -> None:
    before = built_shop.dbt("test", "--select", *FAULTS)
    assert before.returncode == 0, before.stdout
    for fault in FAULTS.values():
        built_shop.execute(fault)

    built_shop.dbt("test", "--select", *FAULTS)

    assert built_shop.dbt_statuses() == dict.fromkeys(FAULTS, "fail")


def test_the_projects_unit_tests_pass(built_shop: StagedShop) -> None:
    outcome = built_shop.dbt("test", "--select", "test_type:unit")

    assert outcome.returncode == 0, outcome.stdout
    assert len(built_shop.dbt_statuses()) == 7  # by model; bi_health has two


def test_docs_are_generated_and_freshness_is_judged_without_a_network(built_shop: StagedShop) -> None:
    docs = built_shop.dbt("docs", "generate")
    freshness = built_shop.dbt("source", "freshness")

    assert docs.returncode == 0, docs.stdout
    assert {"index.html", "catalog.json"} <= {path.name for path in (built_shop.folder / "target").iterdir()}
    judged = json.loads((built_shop.folder / "target" / "sources.json").read_text())["results"]
    assert {result["unique_id"].split(".")[-1]: result["status"] for result in judged} == {
        "_ledger": "error",
        "session": "error",
        "transaction": "error",
    }, freshness.stdout
