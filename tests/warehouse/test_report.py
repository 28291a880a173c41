"""The report and the audit tell apart: a shop that goes on selling, and a warehouse that was altered."""

import pytest
from small_shop import DAY, Shop

from pipeline.fingerprint import Partition
from pipeline.report import make_report


def verdicts(shop: Shop) -> dict[str, str]:
    return {line.table: line.verdict for line in make_report(shop.settings, DAY).tables}


def test_every_layer_is_equal_after_a_run(shop: Shop) -> None:
    shop.sync()

    report = make_report(shop.settings, DAY)

    assert report.equal
    assert [(t.table, t.source_rows, t.lake_rows, t.staging_rows) for t in report.tables] == [
        ("customer", 50, 50, 50),
        ("sale", 300, 300, 300),
    ]


def test_a_source_that_moves_on_is_no_fault(shop: Shop) -> None:
    shop.sync()
    shop.execute("update ecommerce.customer set name = 'new' where customer_id = 1")

    report = make_report(shop.settings, DAY)

    assert verdicts(shop) == {"customer": "changed since", "sale": "equal"}
    assert report.sound
    assert not report.equal


@pytest.mark.parametrize(
    "change", ["update staging.sale set amount = 0 where sale_id = 1", "delete from staging.sale where sale_id = 1"]
)
def test_a_warehouse_altered_by_hand_is(shop: Shop, change: str) -> None:
    shop.sync()
    shop.warehouse(change)

    assert verdicts(shop) == {"customer": "equal", "sale": "DIFFERS"}
    assert not make_report(shop.settings, DAY).sound
    assert [t.altered for t in shop.audit().tables] == [(), (Partition("sale", DAY.replace(day=9)),)]


def test_before_the_first_run_nothing_is_published(shop: Shop) -> None:
    assert verdicts(shop) == {"customer": "not published", "sale": "not published"}
    assert not make_report(shop.settings, DAY).sound
