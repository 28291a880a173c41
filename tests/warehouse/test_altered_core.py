"""Core that was built from rows somebody altered in staging is built again once they are healed, whatever dies."""

from datetime import timedelta

import pytest
from small_shop import DAY, Shop

from pipeline.errors import TransientError
from pipeline.fingerprint import Partition
from pipeline.ledger import LedgerEntry
from pipeline.transform_changes import PROJECT, UNFINISHED, compare_inputs, is_finished
from pipeline.warehouse import open_warehouse
from pipeline.warehouse.duckdb import DuckDBPublication

ALTERED = Partition("sale", DAY - timedelta(days=20))


def built(shop: Shop) -> LedgerEntry:
    """Let core count as built from what is published. Returns the entry of the dbt project."""
    warehouse = open_warehouse(shop.settings)
    ledger = warehouse.ledger()
    project = LedgerEntry(PROJECT, ledger[ALTERED].fingerprint, "a project", 0, DAY, ledger[ALTERED].published_at)
    warehouse.record_transformed([*ledger.values(), project])
    return project


def to_build(shop: Shop, project: LedgerEntry) -> frozenset[Partition]:
    warehouse = open_warehouse(shop.settings)
    return compare_inputs(warehouse.ledger(), project, warehouse.transformed()).partitions


def test_a_confirmed_day_is_not_built_again(shop: Shop) -> None:
    shop.sync()
    project = built(shop)

    shop.sync(sweep=100)

    assert to_build(shop, project) == frozenset()


def test_a_healed_partition_is_built_again_though_its_fingerprint_is_the_same(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.sync()
    shop.warehouse(f"update staging.sale set amount = 0 where created_at::date = '{ALTERED.day}'")
    project = built(shop)

    def cut_off(*_: object) -> None:
        raise TransientError("away")

    with monkeypatch.context() as patched:
        patched.setattr(DuckDBPublication, "publish", cut_off)
        with pytest.raises(TransientError):
            shop.heal()
    assert to_build(shop, project) == {ALTERED}  # it is forgotten before anything is published
    built(shop)  # a transform comes between, and builds from the altered rows again

    assert shop.heal().equal

    assert to_build(shop, project) == {ALTERED}
    transformed = open_warehouse(shop.settings).transformed()
    assert transformed[ALTERED].schema_id == UNFINISHED
    assert not is_finished(transformed)
