"""Where schedules are played: the emulated cloud, faults on the way to it, a twin nobody disturbs, and a reader."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from between import Between, Fault, between
from cloud_chain import DAYS, Chain, chain_strikes
from cloud_chain import wrong_marts as wrong_marts_of_chain
from cloud_faults import BIGQUERY, ENOUGH_S, counted
from cloud_marts import BUILDS, Datamart, wrong_marts
from cloud_nursery import BROKEN, ENDED, REFUSED, TRANSIENT, Nursery, nursery
from cloud_played import ABSORBED, KILLED, NOT_MET, ChainTwin, Outcome, Played, Twin
from cloud_reader import look
from cloud_schedules import TOGETHER, Disturbance, Measured, marts_schedule, schedule
from cloud_site import STORY, Chapter, Site
from cloud_verdict import Sight, differences, wrong_sights
from emulated_cloud import EmulatedCloud
from strike import read_trace

from emulators.servers import Servers
from pipeline.catalog import load_catalog

HERE = Path(__file__).resolve().parent
# Of the run that sleeps: long enough to be renewed in time until then, even on a busy machine.
LEASE = {"lease_s": 2.0, "beat_s": 0.4}


@dataclass(frozen=True)
class Arena:
    """The places in which all schedules are played, one after the other."""

    postgres_url: str
    folder: Path
    cloud: EmulatedCloud
    nursery: Nursery
    ways: tuple[Between, Between]

    def twin(self) -> Twin:
        """Play the story undisturbed, and measure it."""
        site = Site.new(self.postgres_url, self.folder / "twin", self.cloud, self.nursery)
        sights: list[Sight] = [{"rows": {}, "ledger": {}}]
        measured, catalogs = [], []
        for number, chapter in enumerate(STORY):
            site.live(chapter)
            catalogs.append(self.folder / f"catalog-{number}.yml")
            shutil.copy(site.settings.catalog_path, catalogs[-1])
            trace = self.folder / f"trace-{number}"
            ended = site.start(chapter.day, self._way(), trace=str(trace)).wait()
            assert ended == ENDED, self._said()
            measured.append(self._measured(trace))
            sight = look(site.cloud.bigquery(), [load_catalog(path) for path in catalogs])
            assert sight is not None
            sights.append(sight)
        assert not wrong_sights(sights, sights)
        return Twin(tuple(sights), site.state(), tuple(measured), self._marts_twin(), tuple(catalogs))

    def _marts_twin(self) -> tuple[Measured, ...]:
        datamart, measured = Datamart.new(self.folder / "marts", self.cloud, self.nursery), []
        for number in range(1, len(BUILDS) + 1):
            datamart.build(number)
            trace = self.folder / f"trace-marts-{number}"
            assert datamart.show(trace=str(trace)).wait() == ENDED, self._said()
            assert datamart.differs() == []
            measured.append(self._measured(trace))
        return tuple(measured)

    def play(self, seed: int, twin: Twin) -> Played:
        """Play the story as a seed disturbs it, and hold what comes of it to the twin."""
        site = Site.new(self.postgres_url, self.folder / f"seed-{seed}", self.cloud, self.nursery)
        seen = site.folder / "seen"
        reader = site.read(seen, twin.catalogs)
        plan, outcomes = schedule(seed, twin.measured), []
        for chapter, disturbance in zip(STORY, plan, strict=True):
            site.live(chapter)
            outcomes.append(self._disturbed(site, chapter, disturbance))
        wrong = [f"{d}: {outcome.words}" for d, outcome in zip(plan, outcomes, strict=True) if "wrong" in outcome.words]
        reader.kill()
        is_mixed = any(disturbance.together == TOGETHER[1] for disturbance in plan)
        sights = _sights(seen)
        wrong += wrong_sights(sights, twin.sights, in_order=not is_mixed)
        wrong += self._unlike(site, twin, is_mixed)
        looks = _looks(seen)
        site.remove(self.postgres_url)
        if not wrong:
            shutil.rmtree(site.folder)
        return Played(seed, tuple(plan), tuple(outcomes), tuple(wrong), looks)

    def play_marts(self, seed: int, twin: Twin) -> Played:
        """Show build after build, each by a run that is killed and by another."""
        datamart = Datamart.new(self.folder / f"marts-{seed}", self.cloud, self.nursery)
        seen = self.folder / f"marts-{seed}" / "seen"
        reader = datamart.read(seen)
        plan, outcomes, wrong = marts_schedule(seed, twin.marts), [], []
        for number, disturbance in enumerate(plan, 1):
            datamart.build(number)
            ended = datamart.show(strikes=[vars(disturbance.strike)]).wait()
            met = (disturbance.strike_place,) if ended == KILLED else ()
            outcomes.append(Outcome("killed" if met else NOT_MET, met))
            again = datamart.show().wait()
            wrong += [f"{disturbance}: the next run ended with {again}: {self._said()}"] if again != ENDED else []
            wrong += [f"{disturbance}: {name} is not shown as it was built" for name in datamart.differs()]
        reader.kill()
        sights = _sights(seen)
        wrong += wrong_marts(sights)
        return Played(seed, tuple(plan), tuple(outcomes), tuple(wrong), _looks(seen))

    def chain_twin(self) -> ChainTwin:
        """The whole chain undisturbed, day by day, and measured."""
        chain = Chain.new(self.postgres_url, self.folder / "chain", self.cloud, self.nursery)
        marts, measured = [], []
        for number, day in enumerate(DAYS):
            trace = self.folder / f"trace-chain-{number}"
            ended, said = chain.run(day, trace=trace)
            assert ended == 0, said
            measured.append(self._measured(trace))
            marts.append(chain.marts())
        return ChainTwin(tuple(marts), chain.state(), tuple(measured))

    def play_chain(self, seed: int, twin: ChainTwin) -> Played:
        """The whole chain, each day of which is killed once and run again."""
        chain = Chain.new(self.postgres_url, self.folder / f"chain-{seed}", self.cloud, self.nursery)
        seen = chain.folder / "seen"
        reader = chain.read(seen)
        plan = [Disturbance(strike) for strike in chain_strikes(seed, twin.measured)]
        outcomes, wrong = [], []
        for day, disturbance in zip(DAYS, plan, strict=True):
            ended, _ = chain.run(day, disturbance.strike)
            met = (disturbance.strike_place,) if ended == KILLED else ()
            outcomes.append(Outcome("killed" if met else NOT_MET, met))
            again, said = chain.run(day)
            wrong += [f"{disturbance}: the next run ended with {again}: {said}"] if again else []
        reader.kill()
        sights = _sights(seen)
        wrong += differences(chain.state(), twin.state) + wrong_marts_of_chain(sights, twin.marts)
        return Played(seed, tuple(plan), tuple(outcomes), tuple(wrong), _looks(seen))

    def _disturbed(self, site: Site, chapter: Chapter, disturbance: Disturbance) -> Outcome:
        """What a disturbance led to. Whatever that was, afterwards the chapter's run has come to its end."""
        if disturbance.together:
            outcome = self._with_another(site, chapter, disturbance)
        else:
            outcome = self._struck(site, chapter, disturbance)
            if outcome.words in (ABSORBED, NOT_MET):
                return outcome
        again = site.start(chapter.day).wait()
        return outcome if again == ENDED else Outcome(f"wrong: the next run ended with {again}: {self._said()}", ())

    def _struck(self, site: Site, chapter: Chapter, disturbance: Disturbance) -> Outcome:
        """A run that is killed, or meets faults, or both."""
        more: dict[str, Any] = {}
        if disturbance.strike:
            more["strikes"] = [vars(disturbance.strike)]
        times = [fault.times for _, fault in disturbance.faults]
        for _, fault in disturbance.faults:
            self.ways[_service(fault)].faults.append(fault)
            if fault.late_s:
                more["answer_within"] = ENOUGH_S
        ended = site.start(chapter.day, self._way(), **more).wait()
        for way in self.ways:
            way.faults.clear()
            way.requests.clear()
        met = [place for (place, fault), n in zip(disturbance.faults, times, strict=True) if fault.times < n]
        met += [disturbance.strike_place] if ended == KILLED else []
        if ended in (BROKEN, REFUSED):
            return Outcome(f"wrong: the run ended with {ended}: {self._said()}", tuple(met))
        words = {KILLED: "killed", TRANSIENT: "told to run again", ENDED: ABSORBED if met else NOT_MET}
        return Outcome(words[ended], tuple(met))

    def _with_another(self, site: Site, chapter: Chapter, disturbance: Disturbance) -> Outcome:
        """How two runs ended that were at work at the same time; neither may break, and one at least gets through."""
        asleep = {"lease": LEASE, "strikes": [vars(disturbance.strike)]} if disturbance.strike else {}
        first = site.start(chapter.day, **asleep)
        if disturbance.strike and not first.wait_until_stopped():
            return Outcome(f"the first ended with {first.wait()} before it slept", ())
        day = STORY[0].day if disturbance.together == TOGETHER[1] else chapter.day
        second = site.start(day)
        ends = []
        if disturbance.strike:
            ends.append(second.wait())
            first.resume()
        ends += [run.wait() for run in ((first,) if disturbance.strike else (first, second))]
        if ENDED not in ends or {BROKEN, REFUSED, KILLED} & set(ends):
            return Outcome(f"wrong: the two ended with {ends}: {self._said()}", ())
        words = "both got through" if ends == [ENDED, ENDED] else "one got through, one was told to run again"
        return Outcome(words, ((disturbance.together, words),))

    def _unlike(self, site: Site, twin: Twin, is_mixed: bool) -> list[str]:
        """What is not as in the twin, or is left over."""
        ours, theirs = site.state(), dict(twin.state)
        if is_mixed:  # which run found a change decides in whose folder a whole table lies, and whose day it bears
            for state in (ours, theirs):
                del state["lake"], state["manifests"]
                state["ledger"] = sorted(json.dumps(json.loads(row)[:-1]) for row in state["ledger"])
        return differences(ours, theirs) + [f"{name} is left over" for name in site.leftovers()]

    def _measured(self, trace: Path) -> Measured:
        begun: dict[str, float] = {}
        lengths: dict[str, list[float]] = {}
        for reached in read_trace(trace):
            if reached.moment == "before":
                begun[reached.failpoint] = reached.seconds
            else:
                lengths.setdefault(reached.failpoint, []).append(reached.seconds - begun[reached.failpoint])
        requests = counted(line for way in self.ways for line in way.requests)
        for way in self.ways:
            way.requests.clear()
        assert not [kind for kind in requests if kind.startswith("unknown")], requests
        seconds = {name: sorted(found)[len(found) // 2] for name, found in lengths.items()}
        return Measured({name: len(found) for name, found in lengths.items()}, seconds, requests)

    def _way(self) -> dict[str, str]:
        storage, bigquery = self.ways
        return {"STORAGE_EMULATOR_HOST": storage.url, "BIGQUERY_EMULATOR_HOST": bigquery.url}

    def _said(self) -> str:
        return (self.folder / "runs.log").read_text("utf-8", "replace")[-2000:]


@contextmanager
def arena(postgres_url: str, folder: Path, servers: Servers) -> Iterator[Arena]:
    """An arena over emulators that run already."""
    paths = [str(HERE.parent.parent), str(HERE.parent), str(HERE)]
    environment = {**os.environ, **servers.environment(), "PYTHONPATH": os.pathsep.join(paths)}
    with (
        between(servers.storage_url) as storage,
        between(servers.bigquery_url) as bigquery,
        nursery(environment, folder / "runs.log") as runs,
    ):
        yield Arena(postgres_url, folder, EmulatedCloud(servers, "tillroll-arena"), runs, (storage, bigquery))


def _sights(seen: Path) -> list[Any]:
    """What a reader wrote down before it was killed, perhaps in the middle of a line."""
    return [json.loads(line) for line in seen.read_text().splitlines() if line.endswith("}")]


def _looks(seen: Path) -> int:
    return seen.with_suffix(".looks").stat().st_size


def _service(fault: Fault) -> int:
    """Which of the two ways a fault lies on."""
    return int(fault.matching in BIGQUERY.values())
