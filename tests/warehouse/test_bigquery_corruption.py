"""Faults planted on the way into BigQuery, emulated: a sample of every kind and every place is caught."""

from pathlib import Path
from random import Random

import pytest
from cloud_corruption import CLOUD_ROUND, CloudCorruption
from corruption import CAUGHT, ROUND
from corruption_shop import CorruptionShop
from emulated_cloud import EmulatedCloud

pytestmark = pytest.mark.slow

SEED = 4


def sample() -> list[int]:
    """Numbers of plants: every place, and every kind, at least once."""
    mixed = Random(SEED).sample(CLOUD_ROUND, len(CLOUD_ROUND))  # noqa: S311
    kinds = {ROUND[number][1]: number for number in mixed}
    places = {ROUND[number][0]: number for number in mixed}
    return list(dict.fromkeys([*kinds.values(), *places.values()]))


def test_every_kind_of_fault_is_caught_on_its_way_into_bigquery(
    shop_url: str, cloud: EmulatedCloud, tmp_path: Path
) -> None:
    corruption = CloudCorruption.of(CorruptionShop.built(shop_url, tmp_path / "shop"), cloud, tmp_path)
    before = corruption.seen()

    verdicts = []
    for number in sample():
        verdicts.append(corruption.run(SEED, number))
        assert verdicts[-1].outcome == CAUGHT, str(verdicts[-1])
    assert {v.place for v in verdicts} == {place for place, _ in ROUND}
    assert corruption.seen() == before
    assert corruption.heal()
