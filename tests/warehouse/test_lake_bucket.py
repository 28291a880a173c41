"""A bucket between PostgreSQL and DuckDB: what is published is what a folder gives, and damage is never published."""

from datetime import timedelta
from pathlib import Path

import pytest
from emulated_cloud import EmulatedCloud
from google.cloud import storage
from small_shop import DAY, Shop

from pipeline import steps
from pipeline.errors import CorruptObjectError
from pipeline.manifest import object_path

ROWS = {
    "sale": "select * from staging.sale order by sale_id",
    "customer": "select * from staging.customer order by customer_id",
    "ledger": "select table_name, partition, rows, checksum, schema_id, run_day from staging._ledger order by all",
}
SALES = object_path(DAY, "sale")


@pytest.fixture
def bucket(cloud: EmulatedCloud) -> storage.Bucket:
    return cloud.storage().bucket(cloud.bucket())


@pytest.fixture
def far_shop(shop: Shop, bucket: storage.Bucket, tmp_path: Path) -> Shop:
    """The same source, moved through a bucket."""
    return Shop.at(shop.url, tmp_path / "far", lake_url=f"gs://{bucket.name}/till", google_credentials="anonymous")


def published(shop: Shop) -> dict[str, list[tuple[object, ...]]]:
    return {name: shop.warehouse(query) for name, query in ROWS.items()}


def in_bucket(bucket: storage.Bucket) -> dict[str, bytes]:
    blobs = bucket.list_blobs(prefix="till/source/csv/")
    return {blob.name.removeprefix("till/source/csv/"): blob.download_as_bytes() for blob in blobs}


def in_folder(shop: Shop) -> dict[str, bytes]:
    return {str(f.relative_to(shop.days_folder)): f.read_bytes() for f in shop.days_folder.rglob("*") if f.is_file()}


def only_rows(files: dict[str, bytes]) -> dict[str, bytes]:
    return {name: content for name, content in files.items() if name.endswith(".csv")}


def test_a_bucket_holds_and_publishes_what_a_folder_does(shop: Shop, far_shop: Shop, bucket: storage.Bucket) -> None:
    for change in (
        "select 1",
        "update ecommerce.sale set note = 'late' where sale_id = 7",
        "delete from ecommerce.sale where sale_id % 30 = 3",
    ):
        shop.execute(change)
        near, far = shop.sync(), far_shop.sync()

        assert far.publish.partitions == near.publish.partitions
        assert published(far_shop) == published(shop)
        assert in_bucket(bucket).keys() == in_folder(shop).keys()
        assert only_rows(in_bucket(bucket)) == only_rows(in_folder(shop))
        assert far_shop.audit().equal
    assert not list(bucket.list_blobs(prefix="till/.writing/"))


def test_a_run_without_changes_writes_nothing(far_shop: Shop, bucket: storage.Bucket) -> None:
    far_shop.sync()
    before = {blob.name: blob.generation for blob in bucket.list_blobs(prefix="till/") if blob.name.endswith(".csv")}

    assert far_shop.sync().publish.nothing_to_do

    assert before == {b.name: b.generation for b in bucket.list_blobs(prefix="till/") if b.name.endswith(".csv")}


@pytest.mark.parametrize("damage", ["truncated", "changed", "gone"])
def test_a_damaged_object_is_not_published_and_written_again(
    far_shop: Shop, bucket: storage.Bucket, damage: str
) -> None:
    steps.extract_day(far_shop.settings, DAY)
    blob = bucket.blob(f"till/{SALES}")
    content = blob.download_as_bytes()
    if damage == "gone":
        blob.delete()
    else:
        blob.upload_from_string(content[:-5] if damage == "truncated" else content.replace(b"12.50", b"99.50"))

    with pytest.raises(CorruptObjectError, match=SALES) as raised:
        steps.publish_day(far_shop.settings, DAY)

    assert f"tillroll sync --day {DAY}" in raised.value.remedy
    assert far_shop.warehouse("select count(*) from information_schema.tables where table_name = 'sale'") == [(0,)]
    assert far_shop.sync().publish.partitions == {"customer": 1, "sale": 30}
    assert bucket.blob(f"till/{SALES}").download_as_bytes() == content


def test_a_manifest_that_was_put_back_is_found_out(far_shop: Shop, bucket: storage.Bucket) -> None:
    """The lake's objects are then not what it says, however whole they are."""
    far_shop.sync()
    manifest = bucket.blob(f"till/source/csv/{DAY}/manifest.json")
    before = manifest.download_as_bytes()
    far_shop.execute("update ecommerce.sale set amount = 1 where created_at >= '2025-01-10Z'")
    steps.extract_day(far_shop.settings, DAY)
    manifest.upload_from_string(before)

    report = steps.publish_day(far_shop.settings, DAY)

    assert report.nothing_to_do
    assert far_shop.sync(DAY + timedelta(1)).publish.partitions["sale"] >= 1
    assert far_shop.audit().equal
