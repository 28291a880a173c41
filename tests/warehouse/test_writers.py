"""Writers at work while runs read: what is committed arrives with the next run, and no run sees half of anything."""

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from cloud_shop import CloudShop
from small_shop import DAY, Shop

from pipeline import steps
from pipeline.errors import CorruptObjectError
from pipeline.lake.folder import FolderLake
from pipeline.manifest import manifest_path
from pipeline.sequence import SEQUENCE
from pipeline.snapshot import Snapshot, open_snapshot

pytestmark = pytest.mark.slow

# Every kind of change, within the lookback: on old days, and from one day to another.
CHANGES = (
    "insert into ecommerce.sale values (999, 1, null, '2025-01-10 12:00Z')",
    "update ecommerce.sale set amount = amount + 1 where sale_id = 3",
    "delete from ecommerce.sale where sale_id = 4",
    "update ecommerce.sale set sale_id = 1002 where sale_id = 2",
    "update ecommerce.sale set created_at = created_at - interval '2 days' where sale_id = 1",
    "update ecommerce.customer set name = 'late' where customer_id = 7",
)
# Five of the small shop's days, and its whole table.
CHANGED = {"customer": 1, "sale": 5}
SUM = "select sum(amount) from staging.sale"


@contextmanager
def held_open(shop: Shop) -> Iterator[psycopg.Connection]:
    """A transaction with every kind of change in it, not committed."""
    with psycopg.connect(shop.url, options="-c timezone=UTC") as writer:
        for change in CHANGES:
            writer.execute(change)  # type: ignore[arg-type]
        yield writer


def test_a_transaction_open_across_a_run_arrives_with_the_next(shop: Shop) -> None:
    shop.sync()
    with held_open(shop) as writer:
        assert shop.sync().publish.nothing_to_do
        writer.commit()

    assert shop.sync().publish.partitions == CHANGED
    assert shop.audit().equal


def test_a_transaction_open_across_several_runs_arrives_with_the_next(shop: Shop) -> None:
    shop.sync()
    with held_open(shop) as writer:
        for offset in range(1, 3):
            assert shop.sync(DAY + timedelta(days=offset)).publish.partitions == {"sale": 1}
        writer.commit()

    assert shop.sync(DAY + timedelta(days=3)).publish.partitions == {"customer": 1, "sale": 6}
    assert shop.audit().equal


def test_one_that_outlasts_the_lookback_is_found_by_a_heal(shop: Shop) -> None:
    shop.sync()
    with held_open(shop) as writer:
        shop.sync(DAY + timedelta(days=9))
        writer.commit()
    shop.sync(DAY + timedelta(days=9))
    assert not shop.audit().equal

    assert shop.heal().equal


@pytest.mark.slow
def test_a_transaction_open_across_runs_arrives_in_bigquery(cloud_shop: CloudShop) -> None:
    cloud_shop.sync()
    with held_open(cloud_shop) as writer:
        assert cloud_shop.sync().publish.nothing_to_do
        writer.commit()

    assert cloud_shop.sync().publish.partitions == CHANGED
    assert cloud_shop.audit().equal


def test_a_transaction_that_is_rolled_back_never_arrives(shop: Shop) -> None:
    shop.sync()
    with held_open(shop) as writer:
        shop.sync()
        writer.rollback()

    assert shop.sync().publish.nothing_to_do


def test_a_prepared_transaction_arrives_once_it_is_committed(shop: Shop) -> None:
    """Nobody need be connected meanwhile; it may wait for days."""
    shop.sync()
    name = f"till_{id(shop)}"
    with psycopg.connect(shop.url) as writer:
        for change in CHANGES:
            writer.execute(change)  # type: ignore[arg-type]
        writer.execute(f"prepare transaction '{name}'")  # type: ignore[arg-type]
    assert shop.sync().publish.nothing_to_do

    shop.execute(f"commit prepared '{name}'")

    assert shop.sync().publish.partitions == CHANGED
    assert shop.audit().equal


@contextmanager
def writing(shop: Shop, seed: int) -> Iterator[threading.Event]:
    """A session that moves money between rows of any two days, and rows between days, until the context ends.

    The event is set once it has begun to commit.
    """
    choose, done, begun = random.Random(seed), threading.Event(), threading.Event()  # noqa: S311  # to replay

    def write() -> None:
        with psycopg.connect(shop.url, autocommit=True) as connection:
            while not done.is_set():
                # In order, so that two sessions cannot wait for each other.
                one, other = sorted(choose.sample([i for i in range(1, 300) if i % 30 < 7], 2))
                with connection.transaction():
                    connection.execute("update ecommerce.sale set amount = amount - 1 where sale_id = %s", [one])
                    connection.execute("update ecommerce.sale set amount = amount + 1 where sale_id = %s", [other])
                    connection.execute(
                        "update ecommerce.sale set created_at = timestamptz '2025-01-10 12:00Z' - %s * interval '1 day'"
                        " where sale_id = %s",
                        [choose.randrange(7), one],
                    )
                begun.set()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield begun
    finally:
        done.set()
        thread.join()


def test_no_run_sees_a_part_of_a_transaction(shop: Shop) -> None:
    """Money that moves from one day to another is on one of them, in every state that is ever published."""
    shop.sync()
    total = shop.warehouse(SUM)
    moved = 0
    with writing(shop, seed=1) as first, writing(shop, seed=2) as second:
        assert first.wait(60)
        assert second.wait(60)
        for _ in range(4):
            moved += sum(shop.sync().publish.partitions.values())
            assert shop.warehouse(SUM) == total
            assert shop.warehouse("select count(*), count(distinct sale_id) from staging.sale") == [(300, 300)]

    assert moved > 4
    shop.sync()
    assert shop.audit().equal


@contextmanager
def clock_ahead(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The source's clock shows the day after."""

    @contextmanager
    def ahead(*arguments: Any, **options: Any) -> Iterator[Snapshot]:
        with open_snapshot(*arguments, **options) as snapshot:
            yield replace(snapshot, taken_at=snapshot.taken_at + timedelta(days=1))

    with monkeypatch.context() as patched:
        patched.setattr(steps, "open_snapshot", ahead)
        yield


def test_a_clock_of_the_source_that_is_set_back_brings_nothing_old(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Objects of the lake and entries of the ledger are ordered by it, and by what came before it."""
    shop.sync()
    with clock_ahead(monkeypatch):
        shop.execute("update ecommerce.sale set amount = 98 where sale_id in (3, 20)")
        shop.execute("update ecommerce.customer set name = 'ahead' where customer_id = 1")
        shop.sync()
        shop.execute("update ecommerce.sale set amount = 99 where sale_id = 3")
        steps.extract_day(shop.settings, DAY)  # and it is never published
    shop.execute("update ecommerce.sale set amount = 97 where sale_id in (3, 20)")
    shop.execute("update ecommerce.customer set name = 'now' where customer_id = 1")

    shop.sync()
    assert shop.warehouse("select amount from staging.sale where sale_id = 3") == [(97,)]
    assert shop.warehouse("select name from staging.customer where customer_id = 1") == [("now",)]
    shop.sync(DAY + timedelta(days=1), sweep=100)
    assert shop.audit().equal


def test_a_clock_that_is_set_back_before_anything_was_published_brings_nothing_old(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    with clock_ahead(monkeypatch):
        steps.extract_day(shop.settings, DAY)
    shop.execute(
        "update ecommerce.sale set amount = 99 where sale_id = 3; delete from ecommerce.sale where sale_id = 20"
    )

    shop.sync()

    assert shop.audit().equal


def test_what_a_clock_ahead_gave_an_unpublished_run_does_not_bring_its_rows_back(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.sync()
    shop.execute("update ecommerce.customer set name = 'old' where customer_id = 1")
    with clock_ahead(monkeypatch):
        steps.extract_day(shop.settings, DAY)
    shop.execute("update ecommerce.customer set name = 'new' where customer_id = 1")
    shop.sync(DAY + timedelta(days=1))

    assert steps.publish_day(shop.settings, DAY).nothing_to_do

    assert shop.warehouse("select name from staging.customer where customer_id = 1") == [("new",)]
    assert shop.audit().equal


def test_extracts_by_a_clock_behind_the_ledger_are_published_in_their_order(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    with clock_ahead(monkeypatch):
        shop.sync()
    for day, name in ((DAY, "v1"), (DAY + timedelta(days=1), "v2")):
        shop.execute(f"update ecommerce.customer set name = '{name}' where customer_id = 1")
        steps.extract_day(shop.settings, day)

    for day in (DAY, DAY + timedelta(days=1)):
        steps.publish_day(shop.settings, day)

    assert shop.warehouse("select name from staging.customer where customer_id = 1") == [("v2",)]
    assert shop.audit().equal


@pytest.mark.parametrize("harm", [lambda text: b"", lambda text: text.replace(b'"last": 1', b'"last": 2')])
def test_a_last_sequence_that_is_not_what_was_written_is_refused_and_deleted(
    shop: Shop, harm: Callable[[bytes], bytes]
) -> None:
    shop.sync()
    kept = shop.settings.data / "lake" / SEQUENCE
    before = kept.read_bytes()
    kept.write_bytes(harm(before))
    assert kept.read_bytes() != before

    with pytest.raises(CorruptObjectError, match=r"source/sequence\.json .*\n.*Delete it"):
        shop.sync()
    kept.unlink()
    shop.execute("update ecommerce.customer set name = 'new' where customer_id = 1")

    assert shop.sync().publish.partitions == {"customer": 1}
    assert shop.audit().equal


def test_the_last_sequence_is_kept_before_any_manifest_has_it(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.sync()
    write, written = FolderLake.write, list[str]()

    def recorded(self: FolderLake, path: str, content: bytes) -> None:
        written.append(path)
        write(self, path, content)

    monkeypatch.setattr(FolderLake, "write", recorded)
    shop.sync()

    assert written == [SEQUENCE, manifest_path(DAY)]
