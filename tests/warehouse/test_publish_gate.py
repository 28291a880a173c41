"""The gate before publishing: each test plants a fault and sees the gate stop it, with nothing published."""

import json
import os
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, timedelta
from typing import Any

import pytest
from small_shop import DAY, Shop

from pipeline import planning, steps, table_copy
from pipeline.catalog import Table
from pipeline.drift import Fitted
from pipeline.errors import AuditError, CorruptObjectError, DataError, StepError, TransientError
from pipeline.lake.base import Lake
from pipeline.ledger import LedgerEntry
from pipeline.manifest import LakeObject
from pipeline.snapshot import Snapshot
from pipeline.warehouse.duckdb import DuckDBPublication

pytestmark = pytest.mark.slow

NOTHING: list[tuple[object, ...]] = [(0,)]


def published_tables(shop: Shop) -> list[tuple[object, ...]]:
    return shop.warehouse("select count(*) from information_schema.tables where table_schema = 'staging'")


@pytest.mark.parametrize(
    "corruption",
    [
        "update {t} set amount = amount + 0.01 where sale_id = 3",
        "update {t} set note = null where note = '' and sale_id = 1",
        "update {t} set created_at = created_at + interval 1 microsecond where sale_id = 3",
        "delete from {t} where sale_id = 3",
        "insert into {t} from {t} where sale_id = 3",
        "update {t} set amount = case sale_id when 3 then 5.00 else 3.75 end where sale_id in (3, 4)",
    ],
)
def test_one_corrupted_cell_stops_the_publish(shop: Shop, monkeypatch: pytest.MonkeyPatch, corruption: str) -> None:
    load = DuckDBPublication.load

    def corrupting(self: DuckDBPublication, table: Table, objects: Sequence[LakeObject], lake: Lake) -> None:
        load(self, table, objects, lake)
        if table.name == "sale":
            self._connection.execute(corruption.format(t='temp."audit_sale"'))

    monkeypatch.setattr(DuckDBPublication, "load", corrupting)

    with pytest.raises(AuditError, match=r"sale 2025-01-0[679]: source 10 rows") as stopped:
        shop.sync()

    assert published_tables(shop) == NOTHING
    source, lake = stopped.value.evidence.splitlines()[:2]
    assert len(shop.source(source.removeprefix("in the source: "))) == 10
    assert (shop.settings.data / "lake" / lake.removeprefix("in the lake: ")).exists()
    monkeypatch.undo()
    shop.sync()
    assert shop.audit().equal


def test_an_object_changed_after_its_manifest_is_refused_and_healed_by_the_next_sync(shop: Shop) -> None:
    steps.extract_day(shop.settings, DAY)
    csv = shop.days_folder / "2025-01-09" / "sale.csv"
    csv.write_bytes(csv.read_bytes().replace(b"1.25", b"9.25"))

    with pytest.raises(CorruptObjectError, match=r"2025-01-09/sale\.csv is not what its manifest says"):
        steps.publish_day(shop.settings, DAY)

    shop.sync()
    assert shop.audit().equal


def copying(monkeypatch: pytest.MonkeyPatch, change: Callable[[list[bytes]], list[bytes]]) -> None:
    """Let COPY send other lines of `sale`."""
    copied = table_copy.copied_rows

    def changed(snapshot: Snapshot, table: Table, days: Sequence[date]) -> Iterator[bytes]:
        lines = copied(snapshot, table, days)
        return iter(change(list(lines))) if table.name == "sale" else lines

    monkeypatch.setattr(table_copy, "copied_rows", changed)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (b",3.57,", r"sale 2025-01-07: source 10 rows"),
        (b",three,", r"source/csv/2025-01-07/sale\.csv; CSV Error on Line"),
    ],
)
def test_what_was_written_wrong_is_not_kept_for_what_an_interrupted_run_left(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, wrong: bytes, said: str
) -> None:
    """Its manifest was made from it, and both claim the source's fingerprint."""
    copying(monkeypatch, lambda lines: [line.replace(b",3.75,", wrong) for line in lines])
    with pytest.raises(DataError, match=said):
        shop.sync()
    monkeypatch.undo()
    with pytest.raises(DataError, match=said):  # to publish it again brings nothing
        steps.publish_day(shop.settings, DAY)

    shop.sync()

    assert shop.audit().equal


@pytest.mark.parametrize(
    "change",
    [
        lambda lines: [line.replace(b"2025-01-07,3,", b"2025-01-11,3,") for line in lines],
        lambda lines: [*lines, lines[0]],
    ],
)
def test_a_row_that_copy_was_not_asked_for_is_named(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, change: Callable[[list[bytes]], list[bytes]]
) -> None:
    copying(monkeypatch, change)

    with pytest.raises(
        DataError, match="COPY of sale gave a row of a day that it was not asked for, or out of the order"
    ):
        shop.sync()


def test_rows_changed_after_their_audit_are_not_published(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    publish = DuckDBPublication.publish

    def late(self: DuckDBPublication, entries: Iterable[LedgerEntry]) -> None:
        self._connection.execute('update temp."audit_sale" set note = note || 1 where sale_id = 1')
        publish(self, entries)

    monkeypatch.setattr(DuckDBPublication, "publish", late)

    with pytest.raises(AuditError, match=r"sale 2025-01-09: source 10 rows"):
        shop.sync()

    assert published_tables(shop) == NOTHING


@pytest.mark.parametrize("damage", ["truncate", "delete"])
def test_a_damaged_object_of_a_published_table_is_extracted_anew(shop: Shop, damage: str) -> None:
    shop.sync()
    shop.execute("update ecommerce.sale set amount = 0 where sale_id = 1")
    steps.extract_day(shop.settings, DAY)
    csv = shop.days_folder / "2025-01-09" / "sale.csv"
    if damage == "truncate":
        os.truncate(csv, 100)
    else:
        csv.unlink()
    with pytest.raises(CorruptObjectError):
        steps.publish_day(shop.settings, DAY)

    shop.sync()

    assert shop.audit().equal


def test_a_manifest_that_is_none_is_refused(shop: Shop) -> None:
    shop.sync()
    (shop.days_folder / "2025-01-10" / "manifest.json").write_text("{")

    with pytest.raises(CorruptObjectError, match=r"2025-01-10/manifest\.json is not a manifest"):
        steps.publish_day(shop.settings, DAY)


def test_a_day_that_was_not_extracted_is_not_published(shop: Shop) -> None:
    with pytest.raises(DataError, match="no manifest of a run for 2025-01-10"):
        steps.publish_day(shop.settings, DAY)


def test_half_a_history_is_never_taken_for_a_whole_one(shop: Shop) -> None:
    steps.extract_day(shop.settings, DAY)
    for file in (shop.days_folder / "2024-12-25").iterdir():
        file.unlink()

    with pytest.raises(CorruptObjectError, match="does not hold sale 2024-12-25"):
        steps.publish_day(shop.settings, DAY)

    assert published_tables(shop) == NOTHING
    shop.sync()
    assert shop.audit().equal


def test_a_later_extract_of_an_unpublished_history_is_published_in_its_place(shop: Shop) -> None:
    steps.extract_day(shop.settings, DAY)
    shop.execute("insert into ecommerce.sale values (999, 1, null, '2025-01-01 12:00Z')")
    steps.extract_day(shop.settings, DAY + timedelta(days=1))

    steps.publish_day(shop.settings, DAY)

    assert shop.audit().equal
    assert steps.publish_day(shop.settings, DAY + timedelta(days=1)).partitions == {"sale": 1}
    assert shop.audit().equal


def test_a_change_taken_back_before_it_was_published_does_not_come(shop: Shop) -> None:
    shop.sync()
    shop.execute("update ecommerce.sale set amount = 99 where sale_id = 3")
    shop.execute("update ecommerce.customer set name = 'X' where customer_id = 1")
    steps.extract_day(shop.settings, DAY)
    shop.execute("update ecommerce.sale set amount = 3.75 where sale_id = 3")
    shop.execute("update ecommerce.customer set name = 'customer 1' where customer_id = 1")

    shop.sync(DAY + timedelta(days=1))
    assert steps.publish_day(shop.settings, DAY).nothing_to_do

    assert shop.audit().equal


def test_a_value_that_does_not_load_is_named_and_does_not_stay(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.sync()
    published = shop.warehouse("from staging._ledger order by all")
    shop.execute(
        "alter table ecommerce.sale alter amount type text; update ecommerce.sale set amount = 'x' where sale_id = 3"
    )
    with monkeypatch.context() as patch:
        patch.setattr(steps, "fit_catalog", lambda connection, catalog: Fitted(catalog))
        with pytest.raises(DataError, match='converting column "amount"'):
            shop.sync()
    assert shop.warehouse("from staging._ledger order by all") == published
    shop.execute("""
        update ecommerce.sale set amount = 3.75 where sale_id = 3;
        alter table ecommerce.sale alter amount type numeric(12,2) using amount::numeric;
    """)

    shop.sync()
    shop.sync(DAY + timedelta(days=1))

    assert shop.audit().equal


def test_a_lost_warehouse_is_filled_with_what_the_source_holds_now(shop: Shop) -> None:
    shop.sync()
    shop.execute("update ecommerce.customer set name = 'later' where customer_id = 1")
    shop.sync(DAY + timedelta(days=1))
    shop.execute("update ecommerce.customer set name = 'customer 1' where customer_id = 1")
    shop.execute("delete from ecommerce.sale where created_at >= '2025-01-07Z' and created_at < '2025-01-08Z'")
    for file in (shop.settings.data / "warehouse").iterdir():
        file.unlink()

    shop.sync()

    assert shop.audit().equal


def test_days_lost_from_the_lake_between_extract_and_publish_are_missed(shop: Shop) -> None:
    shop.sync()
    shop.execute("update ecommerce.sale set amount = 0 where sale_id = 1")
    steps.extract_day(shop.settings, DAY)
    for file in (shop.days_folder / "2025-01-09").iterdir():
        file.unlink()

    with pytest.raises(CorruptObjectError, match="does not hold sale 2025-01-09"):
        steps.publish_day(shop.settings, DAY)

    shop.sync()
    assert shop.audit().equal


def test_a_published_day_that_was_not_extracted_again_is_not_taken_for_done(shop: Shop) -> None:
    shop.sync()
    with pytest.raises(DataError, match="no manifest of a run for 2025-01-11"):
        steps.publish_day(shop.settings, DAY + timedelta(days=1))


def test_the_latest_days_are_not_taken_for_a_whole_table(shop: Shop) -> None:
    shop.sync()
    steps.extract_day(shop.settings, DAY + timedelta(days=1))
    for file in (shop.settings.data / "warehouse").iterdir():
        file.unlink()

    with pytest.raises(DataError, match="holds only its latest days"):
        steps.publish_day(shop.settings, DAY + timedelta(days=1))


def test_a_table_that_is_truncated_and_filled_meanwhile_is_not_seen_empty(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.sync()
    started = threading.Event()

    def refill() -> None:
        started.set()
        shop.execute(
            "begin; truncate ecommerce.customer;"
            "insert into ecommerce.customer select i, 'new ' || i, '2025-01-01Z' from generate_series(1, 9) i; commit"
        )

    rival = threading.Thread(target=refill)
    look = planning.source_fingerprints

    def looking(*arguments: Any) -> Any:
        rival.start()
        started.wait()
        time.sleep(0.3)  # long enough for a truncate that nothing holds back
        return look(*arguments)

    monkeypatch.setattr(planning, "source_fingerprints", looking)
    shop.sync()
    monkeypatch.undo()
    rival.join()

    assert shop.warehouse("select count(*) from staging.customer") == [(50,)]
    shop.sync(accept_vanishing=True)
    assert shop.warehouse("select count(*) from staging.customer") == [(9,)]


def test_a_lake_that_cannot_be_written_is_named(shop: Shop) -> None:
    shop.days_folder.parent.mkdir(parents=True)
    shop.days_folder.write_text("in the way")

    with pytest.raises(StepError, match="csv"):
        shop.sync()


def test_another_program_in_the_warehouse_file_is_named(shop: Shop) -> None:
    shop.sync()
    path = shop.settings.data / "warehouse" / "warehouse.duckdb"
    program = f"import duckdb; c = duckdb.connect({str(path)!r}); print('open', flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"open\n"
        with pytest.raises(TransientError, match=r"another program has .*warehouse\.duckdb open"):
            shop.sync()
        other.communicate(b"\n")
    assert shop.sync().publish.nothing_to_do


def test_manifests_hold_what_a_reader_needs(shop: Shop) -> None:
    shop.sync()
    manifest = json.loads((shop.days_folder / "2025-01-10" / "manifest.json").read_text())

    assert list(manifest["objects"]) == ["customer", "sale"]
    assert manifest["objects"]["sale"]["rows"] == 10
    assert manifest["objects"]["sale"]["columns"]["amount"] == "numeric(12,2)"
    assert len(manifest["run"]["found"]) == 31
    assert manifest["run"]["histories"] == ["customer", "sale"]


def test_a_value_that_does_not_load_is_named_and_the_row_is_not_shown(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.execute("alter table ecommerce.sale alter amount type text using 'Mrs Smith''s secret'")
    monkeypatch.setattr(steps, "fit_catalog", lambda connection, catalog: Fitted(catalog))

    with pytest.raises(DataError, match='Error when converting column "amount"') as caught:
        shop.sync()

    shown = "".join(traceback.format_exception(caught.value))
    assert "Smith" not in shown
    assert published_tables(shop) == NOTHING
