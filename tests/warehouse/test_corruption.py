"""Faults planted at random between COPY and publish: every one is caught, named and healed, and readers see none.

`make corruption` plants more of them, and writes what came of it into docs/reliability.md.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from corruption import CAUGHT, MISSED, ROUND, UNCHANGED, Corruption, Stage
from corruption_shop import CorruptionShop
from planted_rows import SAME_KINDS

pytestmark = pytest.mark.slow

SEED = 4
# To heal takes longer than to catch; `make corruption` heals all.
HEALED = 6


@pytest.fixture(scope="module")
def corruption(shop_url_of_module: str, tmp_path_factory: pytest.TempPathFactory) -> Corruption:
    folder = tmp_path_factory.mktemp("corruption")
    return Corruption(CorruptionShop.built(shop_url_of_module, folder / "shop"), folder / "plants")


def test_every_kind_of_fault_is_caught_in_every_place(corruption: Corruption) -> None:
    verdicts = [corruption.run(SEED, number, heal=number % HEALED == 0) for number in range(len(ROUND))]

    assert [str(v) for v in verdicts if v.outcome not in {CAUGHT, UNCHANGED}] == []
    assert {v.kind for v in verdicts if v.outcome == UNCHANGED} == set(SAME_KINDS)


def test_a_fault_is_planted_again_by_its_number(corruption: Corruption) -> None:
    number = next(n for n, (_, kind) in enumerate(ROUND) if kind == "two cells of a column swapped")
    first, again, other = (corruption.run(seed, number, heal=False) for seed in (SEED, SEED, SEED + 1))

    assert first == again
    assert first.where != other.where


@contextmanager
def nothing(*_: Any) -> Iterator[None]:
    yield


@pytest.mark.parametrize("switched_off", ["what COPY sends", "object in the lake", "typed rows, loaded"])
def test_a_publish_that_goes_through_counts_as_missed(corruption: Corruption, switched_off: str) -> None:
    """The suite must be able to fail: a fault that is not there is one that nobody caught."""
    number = next(n for n, (place, _) in enumerate(ROUND) if place == switched_off)

    with (
        patch("corruption.copying", nothing),
        patch("corruption.write_rows", lambda *_: None),
        patch.object(Stage, "altering", nothing),
    ):
        assert corruption.run(SEED, number, heal=False).outcome == MISSED


def test_an_audit_that_compares_nothing_is_found(corruption: Corruption, tmp_path: Path) -> None:
    number = next(n for n, (place, _) in enumerate(ROUND) if place == "typed rows, loaded")

    with (
        patch("pipeline.steps.compare", lambda *_: []),
        patch("pipeline.warehouse.duckdb.compare", lambda *_: []),
    ):
        assert corruption.run(SEED, number, heal=False).outcome == MISSED
