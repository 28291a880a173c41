"""Runs in the emulated cloud are killed and disturbed, and run again: all ends as in a twin that nobody disturbed.

A sample of `make crash-matrix-cloud`. What holds the schedules to the twin is shown to see what it should.
"""

import copy
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cloud_arena import Arena, arena
from cloud_chain import wrong_marts as wrong_marts_of_chain
from cloud_faults import FAULTS, KINDS, LOOKS_AT_JOB
from cloud_marts import wrong_marts
from cloud_matrix import table
from cloud_played import Played, Twin
from cloud_schedules import TOGETHER, schedule
from cloud_site import STORY, Site
from cloud_verdict import differences, wrong_sights

from emulators.servers import Servers

pytestmark = pytest.mark.slow

SAMPLE = [7, 11]


@pytest.fixture(scope="module")
def places(postgres_url: str, google_emulators: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arena]:
    with arena(postgres_url, tmp_path_factory.mktemp("arena"), google_emulators) as places:
        yield places


@pytest.fixture(scope="module")
def twin(places: Arena) -> Twin:
    return places.twin()


@pytest.mark.parametrize("seed", SAMPLE)
def test_nothing_is_lost_and_nobody_sees_anything_half_done(places: Arena, twin: Twin, seed: int) -> None:
    played = places.play(seed, twin)

    assert played.wrong == ()
    assert played.looks > 3
    assert any(outcome.met for outcome in played.outcomes)


@pytest.mark.parametrize("seed", [0, 9])
def test_marts_are_shown_whole_and_together(places: Arena, twin: Twin, seed: int) -> None:
    played = places.play_marts(seed, twin)

    assert played.wrong == ()
    assert any(outcome.met for outcome in played.outcomes)


def test_the_verdict_sees_marts_that_do_not_belong_together() -> None:
    first = {"sales": [1, 1, 2], "totals": [1, 1, 2]}
    second = {"reviews": [2, 2, 2], "sales": [2, 2, 2], "totals": [2, 2, 2]}
    empty = {"reviews": [None, None, 0], **first}

    assert wrong_marts([{}, first, empty, second, {**second, "sales": [3, 3, 2]}]) == []
    assert "several builds" in wrong_marts([{**second, "sales": [1, 1, 2]}])[0]
    assert "half a mart" in wrong_marts([{**first, "sales": [1, 1, 1]}])[0]
    assert "build 1 after build 2" in wrong_marts([second, first])[0]


def test_the_verdict_sees_marts_that_are_no_state_of_the_chains() -> None:
    empty, first, second = {"sales": [0, 0]}, {"sales": [2, 7], "totals": [1, 5]}, {"sales": [3, 9], "totals": [1, 6]}

    assert wrong_marts_of_chain([{}, empty, first, second], [first, second]) == []
    assert wrong_marts_of_chain([{**second, "totals": first["totals"]}], [first, second])
    assert wrong_marts_of_chain([second, first], [first, second])
    assert wrong_marts_of_chain([first, empty], [first, second])


def test_a_seed_says_all(twin: Twin) -> None:
    measured = twin.measured

    assert [str(d) for d in schedule(7, measured)] == [str(d) for d in schedule(7, measured)]
    plans = [disturbance for seed in range(400) for disturbance in schedule(seed, measured)]
    assert {d.together for d in plans} == {"", *TOGETHER}
    faults = {place for d in plans for place, _ in d.faults}
    assert faults >= {(kind, fault) for kind in measured[1].requests for fault in FAULTS}
    assert LOOKS_AT_JOB in {kind for kind, _ in faults}
    assert {d.strike_place[0] for d in plans} >= set().union(*(m.failpoints for m in measured))


def test_a_run_sends_every_kind_of_request(twin: Twin) -> None:
    sent = {kind for measured in twin.measured for kind in measured.requests}

    assert KINDS.keys() - sent == {LOOKS_AT_JOB}  # of one that was begun before


def test_a_reader_sees_rows_that_change_outside_the_transaction(places: Arena, twin: Twin, tmp_path: Path) -> None:
    site = Site.new(places.postgres_url, tmp_path / "site", places.cloud, places.nursery)
    assert site.start(STORY[0].day).wait() == 0
    seen = site.folder / "seen"
    reader = site.read(seen, twin.catalogs)
    _wait_for(seen, 1)
    client = site.cloud.bigquery()
    client.query("delete from staging.sale where sale_id = 3").result()
    _wait_for(seen, 2)
    reader.kill()

    before, after = map(json.loads, seen.read_text().splitlines())
    assert wrong_sights([before], twin.sights) == []
    assert any(wrong.startswith("sale has rows") for wrong in wrong_sights([after], twin.sights))


def test_the_verdict_sees_what_nobody_should_have_seen(twin: Twin) -> None:
    whole: Any = twin.sights[2]
    mixed, forgotten, other = copy.deepcopy(whole), copy.deepcopy(whole), copy.deepcopy(whole)
    for layer in ("rows", "ledger"):  # one table of this day, the other of the day before
        mixed[layer]["customer"] = twin.sights[1][layer]["customer"]
    del forgotten["ledger"]["sale"]
    forgotten["rows"]["sale"].popitem()
    other["schemas"]["sale"] = "another"

    assert wrong_sights([whole], twin.sights) == []
    assert "no state of the twin's" in wrong_sights([mixed], twin.sights)[0]
    assert "never published" in wrong_sights([forgotten], twin.sights)[0]
    assert "never published" in wrong_sights([forgotten, whole], twin.sights, in_order=False)[0]
    assert "other columns" in wrong_sights([other], twin.sights)[0]
    assert "no state of the twin's from 3 on" in wrong_sights([twin.sights[3], whole], twin.sights)[0]


@pytest.mark.parametrize("layer", ["lake", "manifests", "tables", "rows", "ledger"])
def test_the_verdict_sees_what_differs_from_the_twin(twin: Twin, layer: str) -> None:
    ours = copy.deepcopy(twin.state)
    if isinstance(ours[layer], list):
        ours[layer].pop()
    else:
        ours[layer].popitem()

    assert [found.partition("/")[0].partition(":")[0] for found in differences(ours, twin.state)] == [layer]


def test_what_would_stay_for_ever_is_named(places: Arena, tmp_path: Path) -> None:
    site = Site.new(places.postgres_url, tmp_path / "site", places.cloud, places.nursery)
    assert site.start(STORY[0].day).wait() == 0
    assert site.leftovers() == []

    site.cloud.bigquery().query("create table staging_audit.kept (n int64)").result()
    lasting = site.cloud.bigquery().get_table("staging_audit.kept")
    lasting.expires = None
    site.cloud.bigquery().update_table(lasting, ["expires"])
    bucket = site.cloud.storage().bucket(site.settings.lake.removeprefix("gs://"))
    bucket.blob("source/csv/2025-01-09/sale.part=00009.csv").upload_from_string("")

    assert site.leftovers() == ["kept", "source/csv/2025-01-09/sale.part=00009.csv"]


def test_the_table_names_the_seeds_that_went_wrong() -> None:
    played = Played(5, (), (), (), 10)

    assert "none.**" in table([played, played], 60)
    assert "seeds [6]" in table([played, replace(played, seed=6, wrong=("a row is lost",))], 60)


def _wait_for(seen: Path, lines: int) -> None:
    while not seen.exists() or len(seen.read_text().splitlines()) < lines:
        time.sleep(0.02)
