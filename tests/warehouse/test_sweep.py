"""The sweep: days beyond the lookback come round by themselves, oldest unseen first, and a killed run loses nothing."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from small_shop import DAY, Shop

from pipeline import steps
from pipeline.errors import TransientError
from pipeline.manifest import manifest_path, parse_manifest

pytestmark = pytest.mark.slow

CHANGES = """
update ecommerce.sale set amount = 0 where sale_id = 20;
delete from ecommerce.sale where sale_id = 21;
insert into ecommerce.sale values (999, 1, null, '2024-12-22 12:00Z');
insert into ecommerce.sale values (998, 1, null, '2023-05-05 12:00Z'); -- a day that never had rows
update ecommerce.sale set created_at = created_at - interval '3 days' where sale_id = 24;
update ecommerce.sale set created_at = '2025-01-09 12:00Z' where sale_id = 26; -- into the window
update ecommerce.sale set created_at = '2024-12-31 12:00Z' where sale_id = 3; -- out of it
"""


def compared(shop: Shop, day: date) -> list[date]:
    """The days that the last extract for `day` compared beyond the lookback."""
    content = (shop.settings.data / "lake" / manifest_path(day)).read_bytes()
    run = parse_manifest(content, manifest_path(day)).run
    assert run is not None
    return sorted(f.day for f in run.found if f.day and f.day < day - timedelta(days=7))


def test_runs_after_each_other_compare_every_older_day_and_begin_again(shop: Shop) -> None:
    shop.sync()
    older = [DAY - timedelta(days=offset) for offset in range(29, 7, -1)]
    seen = []
    for _ in range(5):
        shop.sync()
        seen.append(compared(shop, DAY))

    assert seen == [older[:7], older[7:14], older[14:21], older[21:], older[:7]]


def test_what_changes_beyond_the_lookback_is_healed_and_nobody_asked(shop: Shop) -> None:
    shop.sync()
    shop.execute(CHANGES)
    assert len(shop.differing()) == 10

    for offset in range(1, 5):
        shop.sync(DAY + timedelta(days=offset))

    assert shop.audit().equal


def test_a_run_that_dies_leaves_its_days_to_the_next(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.sync()
    steps.extract_day(shop.settings, DAY)
    first = compared(shop, DAY)

    def dies(*_: object) -> None:
        raise TransientError("away")

    monkeypatch.setattr(steps, "publish_day", dies)
    with pytest.raises(TransientError):
        shop.sync()
    monkeypatch.undo()
    assert compared(shop, DAY) == first

    shop.sync()
    assert compared(shop, DAY) == first
    shop.sync()
    assert not set(compared(shop, DAY)) & set(first)


def test_a_gap_that_is_filled_later_is_found_where_the_day_after_it_is_swept(shop: Shop) -> None:
    shop.execute("delete from ecommerce.sale where created_at >= '2024-12-20Z' and created_at < '2024-12-29Z'")
    shop.sync()
    shop.execute("insert into ecommerce.sale values (999, 1, null, '2024-12-25 12:00Z')")

    for _ in range(2):
        shop.sync()

    assert shop.audit().equal


def test_a_run_may_be_told_how_much_to_sweep(shop: Shop, tmp_path: Path) -> None:
    shop.sync()
    shop.sync(sweep=0)
    assert compared(shop, DAY) == []
    shop.sync(sweep=3)
    assert compared(shop, DAY) == [DAY - timedelta(days=offset) for offset in (29, 28, 27)]
    never = Shop.at(shop.url, shop.folder, sweep=0)
    never.sync()
    assert compared(shop, DAY) == []


def test_confirmed_days_are_not_loaded_again_and_their_publication_stays(shop: Shop) -> None:
    shop.sync()
    swept = "select sequence, published_at, run_day from staging._ledger where partition = '2024-12-12'"
    (before,) = shop.warehouse(swept)

    report = shop.sync(DAY + timedelta(days=1))

    (after,) = shop.warehouse(swept)
    assert report.publish.partitions == {"sale": 1}
    assert date(2024, 12, 12) in compared(shop, DAY + timedelta(days=1))
    assert after[0] > before[0]
    assert after[1:] == before[1:]
