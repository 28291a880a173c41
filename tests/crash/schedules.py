"""Schedules: what a seed does to a run. The same seed of the same world gives the same schedule."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from faults import AFTER, BACKFILL, BEFORE, IN, KINDS, MANIFEST, OBJECT, TWICE, Kind
from sites import PUBLICATION, SOURCE, TRANSFORM
from strike import Strike, When
from world import Scenario, Step, World

MOST_FAULTS = 3


@dataclass(frozen=True)
class Fault:
    """One thing done to one run. `chance`, from 0 to 1, decides what its kind leaves open."""

    kind: Kind
    strike: Strike
    chance: float

    def __str__(self) -> str:
        nth = f" number {self.strike.nth}" if self.strike.nth > 1 else ""
        where = f"{self.strike.when} {self.strike.failpoint}{nth}" if self.kind.action else "from the start"
        delay = f" + {self.strike.delay * 1000:.2f} ms" if self.strike.delay else ""
        return f"{self.kind.name}: {where}{delay} (chance {self.chance:.3f})"


@dataclass(frozen=True)
class Schedule:
    """What is run, and what is done to it, one fault a run; then it is run undisturbed.

    `spoiled`: at the end something is changed everywhere, which has to be seen: a gate must be able to fail.
    """

    name: str
    scenario: Scenario
    faults: tuple[Fault, ...]
    spoiled: bool = False


def schedule(seed: int, world: World) -> Schedule:
    """The schedule of a seed."""
    choose = random.Random(seed)  # noqa: S311  # to be replayed, not to be secret
    scenario = choose.choices(world.scenarios, [3, 3, 2])[0]
    wanted = choose.choices(list(KINDS.values()), [kind.weight for kind in KINDS.values()], k=choose.randint(1, 3))
    kinds = [kind for kind in wanted if kind.name != BACKFILL or scenario.backfilled]
    faults = [_fault(kind, scenario, choose) for kind in kinds or [KINDS[BEFORE]]]
    return Schedule(str(seed), scenario, tuple(_in_order(faults, scenario)))


def sample(world: World) -> Iterator[Schedule]:
    """Two schedules that kill a run at every failpoint, and do two things more; the same ones every time.

    What one run has done, the next need not do: all that comes before a publication is struck before one comes about.
    """
    choose, scenario = random.Random(1), world.scenarios[0]  # noqa: S311
    for places, other in (((*SOURCE, *PUBLICATION), OBJECT), (TRANSFORM, TWICE)):
        kinds = [KINDS[(AFTER, BEFORE, IN)[number % 3]] for number in range(len(places))]
        faults = [_at(kind, place, scenario, choose, first=True) for kind, place in zip(kinds, places, strict=True)]
        faults.append(_at(KINDS[other], "extract.manifest" if other == OBJECT else places[-1], scenario, choose))
        yield Schedule(f"sample {other}", scenario, tuple(_in_order(faults, scenario)), spoiled=other == OBJECT)


def _fault(kind: Kind, scenario: Scenario, choose: random.Random) -> Fault:
    reached = {step.failpoint for step in scenario.steps}
    return _at(kind, choose.choice([place for place in kind.places if place in reached]), scenario, choose)


def _at(kind: Kind, failpoint: str, scenario: Scenario, choose: random.Random, *, first: bool = False) -> Fault:
    steps = [step for step in scenario.steps if step.failpoint == failpoint]
    step, when = steps[0] if first else choose.choice(steps), choose.choice(kind.whens)
    if failpoint == "extract.manifest" and kind.name in (OBJECT, MANIFEST):
        step, when = steps[-1], "after"  # all are written
    if failpoint == "publish.load" and kind.name == OBJECT:
        step, when = steps[0], "before"  # they were looked at, and none is loaded
    return Fault(kind, _strike(kind, step, when, choose.random()), choose.random())


def _strike(kind: Kind, step: Step, when: When, share: float) -> Strike:
    delay = share * step.seconds if when == "in" else 0.0
    return Strike(step.failpoint, when, step.nth, delay, kind.action or "kill")


def _in_order(faults: Sequence[Fault], scenario: Scenario) -> list[Fault]:
    """Earlier steps first: what a run has done, the next one need not do, and would not be struck in it."""
    began = {(step.failpoint, step.nth): step.began for step in scenario.steps}
    return sorted(faults, key=lambda fault: began[fault.strike.failpoint, fault.strike.nth])
