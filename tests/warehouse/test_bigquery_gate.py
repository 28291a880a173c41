"""The gate before publishing in BigQuery: each test plants a fault and sees it stopped, with nothing to be seen."""

import traceback
from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from cloud_shop import CloudShop
from google.cloud import bigquery
from small_shop import DAY

from pipeline import steps
from pipeline.audit import compare
from pipeline.catalog import Table, load_catalog
from pipeline.drift import Fitted
from pipeline.errors import AuditError, CorruptObjectError, DataError
from pipeline.lake.base import Lake
from pipeline.lake.gcs import GCSLake
from pipeline.ledger import LedgerEntry
from pipeline.manifest import LakeObject, Part
from pipeline.warehouse.bigquery_audit_tables import AuditTables
from pipeline.warehouse.bigquery_publication import BigQueryPublication
from pipeline.warehouse.bigquery_tables import path

pytestmark = pytest.mark.slow

CORRUPTIONS = (
    "update {t} set amount = amount + 0.01 where sale_id = 3",
    "update {t} set note = null where note = '' and sale_id = 1",
    "update {t} set created_at = timestamp_add(created_at, interval 1 microsecond) where sale_id = 3",
    "delete from {t} where sale_id = 3",
    "insert into {t} select * from {t} where sale_id = 3",
    "update {t} set amount = case sale_id when 3 then 5.00 else 3.75 end where sale_id in (3, 4)",
)


def test_one_corrupted_cell_stops_the_publish(cloud_shop: CloudShop, monkeypatch: pytest.MonkeyPatch) -> None:
    steps.extract_day(cloud_shop.settings, DAY)
    load = BigQueryPublication.load

    def corrupting(self: BigQueryPublication, table: Table, objects: Sequence[LakeObject], lake: Lake) -> None:
        load(self, table, objects, lake)
        if table.name == "sale":
            cloud_shop.warehouse(CORRUPTIONS[0].format(t=f"`{path(self._loaded[table].audit)}`"))

    monkeypatch.setattr(BigQueryPublication, "load", corrupting)
    with pytest.raises(AuditError, match=r"sale 2025-01-07: source 10 rows"):
        steps.publish_day(cloud_shop.settings, DAY)

    assert cloud_shop.visible() == []
    assert not cloud_shop.opened().ledger()
    monkeypatch.undo()
    steps.publish_day(cloud_shop.settings, DAY)  # it loads anew: what it found corrupted is gone
    assert cloud_shop.audit().equal


def test_rows_changed_after_their_audit_are_not_published(
    cloud_shop: CloudShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps.extract_day(cloud_shop.settings, DAY)
    publish = BigQueryPublication.publish

    def late(self: BigQueryPublication, entries: Iterable[LedgerEntry]) -> None:
        (audit,) = (path(loaded.audit) for table, loaded in self._loaded.items() if table.name == "sale")
        cloud_shop.warehouse(CORRUPTIONS[2].format(t=f"`{audit}`"))
        publish(self, entries)

    monkeypatch.setattr(BigQueryPublication, "publish", late)
    with pytest.raises(AuditError, match="sale: rows in place are not those that were audited"):
        steps.publish_day(cloud_shop.settings, DAY)

    assert cloud_shop.warehouse("select count(*) from staging.sale") == [(0,)]
    assert not cloud_shop.opened().ledger()
    monkeypatch.undo()
    steps.publish_day(cloud_shop.settings, DAY)
    assert cloud_shop.audit().equal


def test_no_changed_lost_doubled_or_swapped_value_escapes_the_fingerprint(cloud_shop: CloudShop) -> None:
    cloud_shop.sync()
    (sale,) = (table for table in load_catalog(cloud_shop.settings.catalog_path) if table.name == "sale")
    warehouse = cloud_shop.opened()
    true = warehouse.fingerprints(sale)
    cloud_shop.warehouse("create table core.sale as select * from staging.sale")

    for corruption in CORRUPTIONS:
        cloud_shop.warehouse(corruption.format(t="staging.sale"))
        assert compare(true, warehouse.fingerprints(sale)), corruption
        cloud_shop.warehouse("delete from staging.sale where true; insert into staging.sale select * from core.sale")
    assert compare(true, warehouse.fingerprints(sale)) == []


def test_an_object_changed_after_its_manifest_is_refused_and_healed_by_the_next_sync(cloud_shop: CloudShop) -> None:
    steps.extract_day(cloud_shop.settings, DAY)
    csv = cloud_shop.blob("source/csv/2025-01-09/sale.csv")
    csv.upload_from_string(csv.download_as_bytes().replace(b"1.25", b"9.25"))

    with pytest.raises(CorruptObjectError, match=r"2025-01-09/sale\.csv is not what its manifest says"):
        steps.publish_day(cloud_shop.settings, DAY)

    assert cloud_shop.visible() == []
    cloud_shop.sync()
    assert cloud_shop.audit().equal


@pytest.mark.parametrize("damage", ["truncate", "delete"])
def test_a_damaged_object_of_a_published_table_is_extracted_anew(cloud_shop: CloudShop, damage: str) -> None:
    cloud_shop.sync()
    cloud_shop.execute("update ecommerce.sale set amount = 0 where sale_id = 1")
    steps.extract_day(cloud_shop.settings, DAY)
    csv = cloud_shop.blob("source/csv/2025-01-09/sale.csv")
    if damage == "truncate":
        csv.upload_from_string(csv.download_as_bytes()[:100])
    else:
        csv.delete()
    with pytest.raises(CorruptObjectError):
        steps.publish_day(cloud_shop.settings, DAY)

    cloud_shop.sync()

    assert cloud_shop.audit().equal


def test_an_object_that_goes_away_between_the_check_and_the_load_is_named(
    cloud_shop: CloudShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps.extract_day(cloud_shop.settings, DAY)
    load = BigQueryPublication.load

    def after_loss(self: BigQueryPublication, table: Table, objects: Sequence[LakeObject], lake: Lake) -> None:
        if table.name == "sale":
            cloud_shop.blob("source/csv/2025-01-09/sale.csv").delete()
        load(self, table, objects, lake)

    monkeypatch.setattr(BigQueryPublication, "load", after_loss)

    with pytest.raises(CorruptObjectError, match=r"of sale is gone from gs://lake-.*: source/csv/2025-01-09/sale\.csv"):
        steps.publish_day(cloud_shop.settings, DAY)
    assert cloud_shop.visible() == []


def test_a_failed_load_goes_when_no_job_writes_into_its_table_any_more(
    cloud_shop: CloudShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps.extract_day(cloud_shop.settings, DAY)
    happened: list[tuple[str, str]] = []
    match, result, drop = GCSLake.matches, bigquery.LoadJob.result, AuditTables.drop

    def lost(lake: GCSLake, part: Part) -> bool:
        is_there = match(lake, part)
        if part.path.endswith("2025-01-05/sale.csv"):
            cloud_shop.blob(part.path).delete()
        return is_there

    def ended(job: bigquery.LoadJob, **options: Any) -> bigquery.LoadJob:
        happened.append(("ended", job.destination.table_id))
        return result(job, **options)

    def dropped(audits: AuditTables, audit: bigquery.Table) -> None:
        happened.append(("dropped", audit.table_id))
        drop(audits, audit)

    monkeypatch.setattr("pipeline.warehouse.bigquery_audit_tables.MAX_FILES_PER_JOB", 2)
    monkeypatch.setattr(GCSLake, "matches", lost)
    monkeypatch.setattr(bigquery.LoadJob, "result", ended)
    monkeypatch.setattr(AuditTables, "drop", dropped)
    with pytest.raises(CorruptObjectError, match=r"2025-01-05/sale\.csv"):
        steps.publish_day(cloud_shop.settings, DAY)

    jobs = [known_as for known_as in cloud_shop.loads() if known_as.startswith("tillroll_load_sale_")]
    assert len(jobs) > 1
    of_sale = [what for what, table in happened if table.startswith("sale_")]
    assert of_sale[: len(jobs) + 1] == ["ended"] * len(jobs) + ["dropped"]
    assert cloud_shop.tables("staging_audit") == []


def test_a_value_that_does_not_load_is_named_and_the_row_is_not_shown(
    cloud_shop: CloudShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud_shop.execute("alter table ecommerce.sale alter amount type text using 'Mrs Smith''s secret'")
    monkeypatch.setattr(steps, "fit_catalog", lambda connection, catalog: Fitted(catalog))

    with pytest.raises(DataError, match=r"column amount, source/csv/20\d\d-\d\d-\d\d/sale\.csv") as caught:
        cloud_shop.sync()

    assert "Smith" not in "".join(traceback.format_exception(caught.value))
    assert cloud_shop.visible() == []
    assert cloud_shop.tables("staging_audit") == []  # nothing is left that a retry would attach to
