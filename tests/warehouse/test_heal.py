"""`audit --heal`: whatever differs, on whatever day and on whichever side it was changed, is published again."""

import json
from datetime import date, timedelta

import pytest
from small_shop import DAY, Shop

from pipeline import equality, steps
from pipeline.errors import DataError, TransientError
from pipeline.fingerprint import Partition
from pipeline.plan import Scope
from pipeline.warehouse.duckdb import DuckDBPublication

pytestmark = pytest.mark.slow

IN_THE_SOURCE = """
update ecommerce.sale set amount = 0 where sale_id = 20;
delete from ecommerce.sale where created_at >= '2024-12-15Z' and created_at < '2024-12-16Z';
insert into ecommerce.sale values (999, 1, null, '2024-12-22 12:00Z');
insert into ecommerce.sale values (998, 1, null, '2024-11-02 12:00Z'); -- a day that never had rows
update ecommerce.sale set created_at = created_at - interval '7 days' where sale_id = 24;
update ecommerce.sale set sale_id = 1016 where sale_id = 16;
update ecommerce.customer set name = 'X' where customer_id = 1;
"""

IN_THE_WAREHOUSE = """
update staging.sale set amount = 0 where sale_id = 20;
delete from staging.sale where created_at::date = '2024-12-15';
insert into staging.sale from staging.sale where created_at::date = '2024-12-17';
insert into staging.sale values (999, 1, null, '2024-11-02 12:00');
update staging.customer set name = 'X' where customer_id = 1;
"""


def test_changes_on_any_day_of_the_source_are_healed(shop: Shop) -> None:
    shop.sync()
    shop.execute(IN_THE_SOURCE)
    assert len(shop.differing()) == 8

    healed = shop.heal()

    assert healed.equal
    assert not healed.before.equal
    assert shop.audit().equal
    assert shop.heal().synced is None


def test_what_was_changed_in_the_warehouse_is_healed_though_the_ledger_says_equal(shop: Shop) -> None:
    shop.sync()
    shop.warehouse(IN_THE_WAREHOUSE)
    assert shop.sync(sweep=100).publish.nothing_to_do
    assert len(shop.differing()) == 5

    healed = shop.heal()

    assert healed.synced is not None
    assert healed.synced.publish.partitions == {"customer": 1, "sale": 4}
    assert shop.audit().equal


def test_an_emptied_table_is_healed(shop: Shop) -> None:
    shop.sync()
    shop.warehouse("truncate staging.sale")

    assert shop.heal().equal


def test_rows_of_days_to_come_are_named_and_the_remedy_heals_them(shop: Shop) -> None:
    shop.sync()
    shop.warehouse("insert into staging.sale values (999, 1, null, '2025-03-02 12:00')")

    with pytest.raises(DataError, match=r"staging\.sale .* holds rows of days after 2025-01-10") as caught:
        shop.heal()
    shop.warehouse(caught.value.remedy.split("`")[1])
    shop.sync()

    assert shop.audit().equal


@pytest.mark.parametrize("name", ["customer", "sale"])
def test_a_dropped_table_is_found_and_healed(shop: Shop, name: str) -> None:
    shop.sync()
    shop.warehouse(f"drop table staging.{name}")
    assert [t.table for t in shop.audit().tables if not t.equal] == [name]

    assert shop.heal().equal


@pytest.mark.parametrize("name", ["customer", "sale"])
def test_a_dropped_table_comes_again_with_the_next_sync(shop: Shop, name: str) -> None:
    shop.sync()
    shop.warehouse(f"drop table staging.{name}")

    assert set(shop.sync(DAY + timedelta(days=1)).publish.partitions) == {"sale", name}
    assert shop.audit().equal


def test_a_table_that_is_dropped_between_extract_and_publish_is_extracted_again(shop: Shop) -> None:
    shop.sync()
    shop.execute("update ecommerce.sale set amount = 0 where sale_id = 3")
    steps.extract_day(shop.settings, DAY)
    shop.warehouse("drop table staging.sale")

    with pytest.raises(DataError, match="sale is not published any more"):
        steps.publish_day(shop.settings, DAY)
    shop.sync()

    assert shop.audit().equal


@pytest.mark.parametrize("change", ["drop column note", "alter amount type double"])
def test_changed_columns_are_named_and_the_remedy_heals_them(shop: Shop, change: str) -> None:
    shop.sync()
    shop.warehouse(f"alter table staging.sale {change}")
    for step in (shop.audit, shop.heal):
        with pytest.raises(DataError, match="has not the columns any more") as caught:
            step()
    shop.execute("update ecommerce.sale set amount = 0 where sale_id = 3")
    with pytest.raises(DataError, match="has not the columns any more"):
        shop.sync()

    shop.warehouse(caught.value.remedy.split("`")[1])
    shop.sync()

    assert shop.audit().equal


@pytest.mark.parametrize("step", ["extract_day", "publish"])
def test_a_heal_that_was_cut_off_is_begun_again(shop: Shop, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    shop.sync()
    shop.warehouse("update staging.sale set amount = 0 where sale_id = 20")
    shop.execute("delete from ecommerce.sale where sale_id = 16")

    def cut_off(*_: object, **__: object) -> None:
        raise TransientError("away")

    monkeypatch.setattr(*((steps, step) if step == "extract_day" else (DuckDBPublication, step)), cut_off)
    with pytest.raises(TransientError):
        shop.heal()
    monkeypatch.undo()
    assert shop.sync().publish.nothing_to_do  # another run comes between, and knows nothing of it

    assert shop.heal().equal


def test_a_publication_by_another_process_loads_anew_what_the_extract_says(shop: Shop) -> None:
    """In Airflow extract and publish are tasks of two DAGs; the manifest carries the mark between them."""
    shop.sync()
    shop.warehouse("update staging.sale set amount = 0 where sale_id = 20")
    altered = frozenset({Partition("sale", date(2024, 12, 21))})
    report = steps.extract_day(shop.settings, DAY, scope=Scope(also=altered, anew=altered))

    assert report.planned == {"altered": 1}
    assert steps.publish_day(shop.settings, DAY).partitions == {"sale": 1}
    assert steps.publish_day(shop.settings, DAY).nothing_to_do
    assert shop.audit().equal


def test_manifests_of_before_are_still_read(shop: Shop) -> None:
    steps.extract_day(shop.settings, DAY)
    path = shop.days_folder / "2025-01-10" / "manifest.json"
    manifest = json.loads(path.read_text())
    assert manifest["run"].pop("anew") == []
    manifest["format"], manifest["crc32c"] = 1, None
    path.write_text(json.dumps(manifest))

    steps.publish_day(shop.settings, DAY)

    assert shop.audit().equal


def test_a_table_that_was_never_published_is_brought(shop: Shop) -> None:
    catalog = shop.settings.catalog_path.read_text()
    shop.catalog(lambda tables: tables.pop("sale"))
    shop.sync()
    shop.settings.catalog_path.write_text(catalog)

    assert shop.heal().equal


def test_nothing_published_is_said(shop: Shop) -> None:
    with pytest.raises(DataError, match="nothing is published yet"):
        shop.heal()


def test_rows_that_change_while_the_heal_works_leave_it_unequal(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.sync()
    shop.execute("update ecommerce.sale set amount = 0 where sale_id = 20")
    sync_day = steps.sync_day

    def meanwhile(*arguments: object, **options: object) -> object:
        report = sync_day(*arguments, **options)  # type: ignore[arg-type]
        shop.execute("update ecommerce.sale set amount = 1 where sale_id = 20")
        return report

    monkeypatch.setattr(equality, "sync_day", meanwhile)

    assert not shop.heal().equal
