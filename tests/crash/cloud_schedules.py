"""Schedules: what disturbs each chapter of the story, all of it from one number.

A chapter's run is killed at a failpoint; or its requests meet faults; or both; or another run is at work at the same
time, of the same day, of an earlier one, or while the first is stopped for longer than its lease lasts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from between import Fault
from cloud_faults import BEGINS_JOB, FAULTS, LOOKS_AT_JOB, UNHEARD, planned
from strike import Strike, When

WHEN: tuple[When, ...] = ("before", "in", "after")
TOGETHER = ("two runs of a day", "a run and a backfill", "a lease that ran out")
Place = tuple[str, str]
# Where a run that sleeps holds nothing but its lease.
_ASLEEP = ("bigquery.audit_table", "bigquery.load", "bigquery.audit", "bigquery.entries", "bigquery.publish")


@dataclass(frozen=True)
class Measured:
    """What an undisturbed run of a chapter does: failpoints, their number and usual length; kinds of requests."""

    failpoints: Mapping[str, int]
    seconds: Mapping[str, float]
    requests: Mapping[str, int]


@dataclass(frozen=True)
class Disturbance:
    """What happens to one chapter's first run. `together` names what another run does meanwhile.

    `faults` are by the kind of request and what befalls it.
    """

    strike: Strike | None = None
    faults: tuple[tuple[Place, Fault], ...] = ()
    together: str = ""

    @property
    def strike_place(self) -> Place:
        """A failpoint, and when."""
        return (self.strike.failpoint, self.strike.when) if self.strike else ("", "")

    def __str__(self) -> str:
        places = [*(place for place, _ in self.faults), self.strike_place, (self.together, "")]
        return ", ".join(" ".join(place).strip() for place in places if place[0])


def schedule(seed: int, chapters: Sequence[Measured]) -> list[Disturbance]:
    """A disturbance for each chapter. Consecutive seeds go through all places, so that each gets its turn."""
    choose = Random(seed)  # noqa: S311  # a schedule to replay, not a secret
    plan = [
        (_killed if (seed + number) % 2 else _faulty)(seed // 2, number, measured, choose)
        for number, measured in enumerate(chapters)
    ]
    if seed % 4 == 3:
        number = 1 + seed // 4 % (len(chapters) - 1)
        plan[number] = _together(TOGETHER[seed // 4 % len(TOGETHER)], choose)
    return plan


def marts_schedule(seed: int, builds: Sequence[Measured]) -> list[Disturbance]:
    """Where the run that shows a build is killed, for each build."""
    choose = Random(seed)  # noqa: S311
    return [_killed(seed, number, measured, choose) for number, measured in enumerate(builds)]


def _killed(turn: int, number: int, measured: Measured, choose: Random) -> Disturbance:
    name, when = _turn([(name, when) for name in sorted(measured.failpoints) for when in WHEN], turn, number)
    return Disturbance(_strike(name, when, measured, choose))


def _faulty(turn: int, number: int, measured: Measured, choose: Random) -> Disturbance:
    """A fault; every third run is killed besides, so that the one after it meets what both have left.

    Where the answer got lost to whom began a job, the job is looked at: that request has a fault, too.
    """
    kind, fault = _turn([(kind, fault) for kind in sorted(measured.requests) for fault in FAULTS], turn, number)
    strike = None
    if choose.random() < 1 / 3:
        strike = _strike(choose.choice(sorted(measured.failpoints)), choose.choice(WHEN), measured, choose)
    faults = [((kind, fault), planned(kind, fault, measured.requests[kind], choose))]
    if kind in BEGINS_JOB and fault in UNHEARD:
        second = choose.choice(sorted(FAULTS))
        faults.append(((LOOKS_AT_JOB, second), planned(LOOKS_AT_JOB, second, 1, choose)))
    return Disturbance(strike, tuple(faults))


def _together(how: str, choose: Random) -> Disturbance:
    strike = None
    if how == TOGETHER[2]:
        strike = Strike(choose.choice(_ASLEEP), choose.choice(("before", "after")), 1, action="stop")
    return Disturbance(strike, together=how)


def _turn(places: list[Place], turn: int, number: int) -> Place:
    """The place whose turn it is in a chapter: neighbours differ, and so do chapters, always in the same way."""
    Random(number).shuffle(places)  # noqa: S311
    return places[turn % len(places)]


def _strike(name: str, when: When, measured: Measured, choose: Random) -> Strike:
    nth = choose.randint(1, measured.failpoints[name])
    return Strike(name, when, nth, choose.uniform(0, measured.seconds[name]) if when == "in" else 0.0)
