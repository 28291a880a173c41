"""Sync: what is published equals the source, after every kind of change, and only what changed is moved."""

from datetime import date, timedelta
from pathlib import Path

import psycopg
import pytest
from small_shop import DAY, Shop

from pipeline.errors import StepError
from pipeline.lake.folder import FolderLake

SALES = "select sale_id, amount, note, created_at from staging.sale order by sale_id"


def source_rows(shop: Shop) -> list[tuple[object, ...]]:
    with psycopg.connect(shop.url, options="-c timezone=UTC") as connection:
        return connection.execute(
            "select sale_id, amount, note, created_at at time zone 'UTC' from ecommerce.sale order by sale_id"
        ).fetchall()


def files(shop: Shop) -> dict[str, bytes]:
    return {str(f.relative_to(shop.days_folder)): f.read_bytes() for f in sorted(shop.days_folder.rglob("*.csv"))}


def test_the_first_run_publishes_all_history(shop: Shop) -> None:
    report = shop.sync()

    assert report.publish.partitions == {"customer": 1, "sale": 30}
    assert shop.warehouse(SALES) == source_rows(shop)
    assert shop.audit().equal


def test_a_second_run_has_nothing_to_do(shop: Shop) -> None:
    shop.sync()
    before = files(shop)

    report = shop.sync()

    assert report.extract.planned == {}
    assert report.publish.nothing_to_do
    assert files(shop) == before


@pytest.mark.parametrize(
    ("change", "partition"),
    [
        ("update ecommerce.sale set amount = amount + 0.01 where sale_id = 3", "sale 2025-01-07"),
        ("delete from ecommerce.sale where sale_id = 3", "sale 2025-01-07"),
        ("insert into ecommerce.sale values (999, 1, null, '2025-01-07 23:59:59.999999Z')", "sale 2025-01-07"),
        ("update ecommerce.sale set note = null where sale_id = 1", "sale 2025-01-09"),
        ("update ecommerce.sale set note = '' where sale_id = 4", "sale 2025-01-06"),
        ("update ecommerce.sale set sale_id = 1003 where sale_id = 3", "sale 2025-01-07"),
        ("update ecommerce.customer set name = 'Ω' where customer_id = 7", "customer (whole)"),
        (
            "delete from ecommerce.sale where created_at >= '2025-01-07Z' and created_at < '2025-01-08Z'",
            "sale 2025-01-07",
        ),
    ],
)
def test_a_change_is_named_by_the_audit_and_healed_by_the_next_run(shop: Shop, change: str, partition: str) -> None:
    shop.sync()
    shop.execute(change)

    assert shop.differing() == [partition]
    assert sum(shop.sync().publish.partitions.values()) == 1
    assert shop.warehouse(SALES) == source_rows(shop)
    assert shop.audit().equal


def test_a_row_moved_to_another_day_changes_both(shop: Shop) -> None:
    shop.sync()
    shop.execute("update ecommerce.sale set created_at = created_at - interval '1 day' where sale_id = 3")

    assert shop.differing() == ["sale 2025-01-06", "sale 2025-01-07"]
    shop.sync()
    assert shop.audit().equal


def test_a_transaction_committed_after_the_run_arrives_with_the_next(shop: Shop) -> None:
    with psycopg.connect(shop.url) as late:
        late.execute("insert into ecommerce.sale values (999, 1, null, '2025-01-10 12:00Z')")
        shop.sync()
        assert shop.warehouse("select count(*) from staging.sale where sale_id = 999") == [(0,)]
    assert shop.differing() == ["sale 2025-01-10"]
    shop.sync(DAY + timedelta(days=1))
    assert shop.warehouse("select count(*) from staging.sale where sale_id = 999") == [(1,)]


def test_beyond_the_lookback_the_audit_finds_it_and_a_sync_of_that_day_heals_it(shop: Shop) -> None:
    shop.sync()
    shop.execute("update ecommerce.sale set amount = 0 where sale_id = 20")

    assert shop.sync().publish.nothing_to_do
    assert shop.differing() == ["sale 2024-12-21"]
    shop.sync(date(2024, 12, 21))
    assert shop.audit().equal


def test_days_missed_in_a_pause_longer_than_the_lookback_are_made_up(shop: Shop) -> None:
    shop.sync()
    shop.execute("insert into ecommerce.sale values (999, 1, null, '2025-01-12 12:00Z')")

    shop.sync(date(2025, 2, 10))

    assert shop.warehouse("select count(*) from staging.sale where sale_id = 999") == [(1,)]
    assert shop.audit().equal


def test_an_older_day_does_not_bring_old_rows_back(shop: Shop) -> None:
    shop.sync()
    shop.execute("update ecommerce.customer set name = 'renamed' where customer_id = 1")
    shop.sync(DAY + timedelta(days=1))
    shop.execute("update ecommerce.customer set name = 'customer 1' where customer_id = 1")

    shop.sync()

    assert shop.audit().equal


def test_empty_tables_and_days_without_rows_are_normal(shop: Shop) -> None:
    shop.execute("truncate ecommerce.sale, ecommerce.customer")

    first, second = shop.sync(), shop.sync(DAY + timedelta(days=1))

    assert first.publish.partitions == {"customer": 1, "sale": 1}
    assert second.publish.partitions == {"sale": 1}
    assert shop.warehouse("select count(*) from staging.sale") == [(0,)]
    assert shop.audit().equal


def test_the_same_rows_give_the_same_bytes(shop: Shop, tmp_path: Path) -> None:
    shop.sync()
    once = files(shop)
    twin = Shop.at(shop.url, tmp_path / "twin")
    shop.execute("update ecommerce.sale set note = note")  # moves every row within the table

    twin.sync()

    assert once
    assert files(twin) == once


def test_large_tables_are_cut_into_shards_and_old_shards_go_away(shop: Shop) -> None:
    shop = Shop.at(shop.url, shop.folder, shard_bytes=1_000_000, vanishing_share=1)
    shop.execute(
        "insert into ecommerce.sale "
        "select 1000 + i, 1, repeat('x', 1000), '2025-01-10 12:00Z' from generate_series(1, 3000) i"
    )
    shop.sync()
    folder = shop.days_folder / "2025-01-10"
    assert [f.name for f in sorted(folder.glob("sale*"))] == [
        "sale.csv",
        "sale.part=00001.csv",
        "sale.part=00002.csv",
        "sale.part=00003.csv",
    ]
    assert shop.audit().equal

    shop.execute("delete from ecommerce.sale where sale_id > 1000")
    shop.sync()

    assert [f.name for f in folder.glob("sale*")] == ["sale.csv"]
    assert shop.audit().equal


def test_shards_that_a_run_died_over_go_away_with_the_next_one(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else they would lie there for good, beside what the manifest names."""
    shop = Shop.at(shop.url, shop.folder, shard_bytes=1_000_000, vanishing_share=1)
    shop.execute("update ecommerce.sale set note = repeat('x', 150000) where sale_id % 30 = 0")
    shop.sync()
    folder = shop.days_folder / "2025-01-10"
    assert len(list(folder.glob("sale*"))) == 2
    shop.execute("update ecommerce.sale set note = '' where sale_id % 30 = 0")

    def full(*_: object) -> None:
        raise StepError("the disk is full")

    for name in ("delete", "write"):
        monkeypatch.setattr(FolderLake, name, full)
        with pytest.raises(StepError, match="full"):
            shop.sync()
        monkeypatch.undo()
    shop.sync()

    assert [f.name for f in folder.glob("sale*")] == ["sale.csv"]
    assert shop.audit().equal


def test_a_new_column_in_the_catalog_brings_all_history_anew(shop: Shop) -> None:
    shop.sync()
    shop.execute("alter table ecommerce.sale add column channel text not null default 'web'")
    warned = shop.sync()
    shop.catalog(lambda tables: tables["sale"]["columns"].update(channel="text not null"))

    report = shop.sync()

    assert warned.extract.warnings == (
        "column sale.channel (text) is not in the catalog (drift: freeze): it is not moved",
    )
    assert report.publish.partitions == {"sale": 30}
    assert shop.warehouse("select distinct channel from staging.sale") == [("web",)]
    assert shop.audit().equal
