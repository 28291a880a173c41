"""Plays a schedule: in a copy of the world, disturbs one run after the other, lets a last one be, and compares."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from actor import Actor, Order, SmallDisk
from faults import BACKFILL, CLOCK, NO_PERMISSION, SMALL_DISK, TWICE
from harms import Scene, harm, step_clock
from place import Place, differences, spoil
from reader import Reader
from schedules import Fault, Schedule
from strike import read_trace
from verdict import ended_badly, place_of_death
from world import DAY_BEFORE, FIRST_DAY, Scenario, World, lend_dbt_memory

from pipeline.embedded.postgres import EmbeddedPostgres

# More bytes than a run writes: a small disk has some share of them.
_ROOM_BYTES = 12_000_000
_PATIENCE_S = 1.0


@dataclass(frozen=True)
class Struck:
    """What became of a fault: the failpoint at which it came, and what the run did. `reached`: it came at all."""

    kind: str
    failpoint: str
    reached: bool
    ended: str


@dataclass
class Result:
    """What became of a schedule; `problems` is empty where all is as in the twin, and everybody behaved."""

    schedule: str
    scenario: str
    struck: list[Struck] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)
    looks: int = 0
    seconds: float = 0.0


class Play:
    """One schedule in one process, which forks its actors before it opens anything."""

    def __init__(self, world: World, schedule: Schedule, server: EmbeddedPostgres, folder: Path) -> None:
        self._world, self._schedule, self._server, self._folder = world, schedule, server, folder
        self._actors = [Actor() for _ in range(2 * len(schedule.faults) + 1)]
        self._readers = [Reader(holds=False), Reader(holds=True)]
        self.result = Result(schedule.name, schedule.scenario.name)

    def run(self) -> Result:
        started = time.monotonic()
        scenario = self._schedule.scenario
        start = self._world.start(self._server.url("").rstrip("/"), scenario)
        name = f"played_{self._schedule.name.replace(' ', '_')}"
        place = start.copy(name, self._folder / name)
        lend_dbt_memory(self._world, scenario, place)
        for reader in self._readers:
            reader.start(place.marts)
        for number, fault in enumerate(self._schedule.faults):
            self._say(f"run {number + 1}: {fault}")
            with self._clock(place, fault):
                self._disturb(place, fault, number)
        self._say("the last run is not disturbed")
        status, output = self._perform(Order(scenario.arguments, place.environment(), self._trace("last")))
        if status:
            self.result.problems.append(f"the undisturbed run ended with {status}: {output.strip()[-800:]}")
        self._judge(place)
        self._judge_readers(scenario, place)
        place.remove()
        self._server.stop()
        self.result.seconds = time.monotonic() - started
        return self.result

    def _disturb(self, place: Place, fault: Fault, number: int) -> None:
        actor, trace = self._actors.pop(), self._trace(str(number))
        actor.start(self._order(place, fault, trace))
        mends: list[Callable[[], object]] = []
        while (status := actor.wait()) is None:
            mends.append(self._at_the_failpoint(place, fault, number))
            actor.resume()
        output = actor.output()
        for mend in mends:
            mend()
        ended = ended_badly(status, output, silent=fault.kind.silent)
        if ended:
            self.result.problems.append(f"run {number + 1} ({fault}): {ended}")
        reached, failpoint = place_of_death(fault, read_trace(trace), status)
        summary = f"killed by signal {-status}" if status < 0 else "done" if status == 0 else output.strip()[-800:]
        self._say(f"run {number + 1} was {'struck' if reached else 'not struck'} at {failpoint}: {summary}")
        self.result.struck.append(Struck(fault.kind.name, failpoint, reached, summary.split("\n")[0][:80]))

    def _order(self, place: Place, fault: Fault, trace: Path) -> Order:
        small = fault.kind.name == SMALL_DISK
        mount = self._folder / "small"
        environment = place.environment() | ({"TILLROLL_DATA_DIR": str(mount)} if small else {})
        return Order(
            self._schedule.scenario.arguments,
            environment,
            trace,
            () if small else (fault.strike,),
            powerless=fault.kind.name == NO_PERMISSION,
            disk=SmallDisk(place.folder, mount, int(fault.chance * _ROOM_BYTES)) if small else None,
        )

    def _at_the_failpoint(self, place: Place, fault: Fault, number: int) -> Callable[[], object]:
        """What happens while the run stands still; and what is to be called when it has ended."""
        if fault.kind.name in (TWICE, BACKFILL):
            return self._start_another(place, fault, number)
        return harm(fault.kind.name, Scene(place, self._server, fault.chance))

    def _start_another(self, place: Place, fault: Fault, number: int) -> Callable[[], object]:
        arguments = self._schedule.scenario.arguments
        if fault.kind.name == BACKFILL:
            arguments = ("run", "--from", DAY_BEFORE, "--to", FIRST_DAY)
        other = self._actors.pop()
        other.start(Order(arguments, place.environment(), self._trace(f"{number}-other")))
        time.sleep(fault.chance * _PATIENCE_S)

        def see_off() -> None:
            status = other.wait()
            assert status is not None
            ended = ended_badly(status, other.output(), silent=False)
            self._say(f"the other run ended with {status}")
            if ended:
                self.result.problems.append(f"the run beside run {number + 1} ({fault}): {ended}")

        return see_off

    @contextmanager
    def _clock(self, place: Place, fault: Fault) -> Iterator[None]:
        """The source's clock is wrong in this run, and right again in the next."""
        if fault.kind.name == CLOCK:
            step_clock(place, fault.chance * 800 - 400)
        yield
        if fault.kind.name == CLOCK:
            step_clock(place, 0)

    def _perform(self, order: Order) -> tuple[int, str]:
        actor = self._actors.pop()
        actor.start(order)
        status = actor.wait()
        assert status is not None
        return status, actor.output()

    def _judge(self, place: Place) -> None:
        scenario = self._schedule.scenario
        meanwhile = any(fault.kind.name == BACKFILL for fault in self._schedule.faults)
        differing = differences(place.state(), scenario.final)
        if meanwhile:  # whole tables may lie under an earlier day, and a row of a snapshot may have been seen twice
            differing = [name for name in differing if not name.startswith(("lake ", "warehouse core.snapshot_"))]
            differing += [f"broken {name}" for name in place.broken_objects()]
        if differing:
            self.result.problems.append(f"not as in the twin: {', '.join(differing)}")

    def _judge_readers(self, scenario: Scenario, place: Place) -> None:
        meanwhile = any(fault.kind.name == BACKFILL for fault in self._schedule.faults)
        allowed = {*scenario.published, *(scenario.backfilled if meanwhile else ())}
        if self._schedule.spoiled:
            self._spoil(place, scenario)
        for reader in self._readers:
            seen = reader.stop()
            self.result.looks += seen.looks
            strange = len(seen.states - allowed)
            self.result.problems += [f"a reader saw an error: {error}" for error in seen.errors]
            if strange != self._schedule.spoiled:
                self.result.problems.append(f"a reader saw {strange} states that no day has")

    def _spoil(self, place: Place, scenario: Scenario) -> None:
        """Plant a fault in each layer, and see that the comparison, and both readers, would have found it."""
        spoil(place)
        layers = {name.split()[0] for name in differences(place.state(), scenario.final)}
        if layers != {"source", "lake", "warehouse", "marts"}:
            self.result.problems.append(f"what was planted was seen in {layers} only")
        for reader in self._readers:
            reader.look_anew()

    def _trace(self, name: str) -> Path:
        return self._folder / f"{name}.trace"

    def _say(self, line: str) -> None:
        self.result.steps.append(line)


def see_to_it_that_it_ends(seconds: int) -> None:
    """A schedule that hangs is a failure, and must not hang the others."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(seconds)
    os.setpgid(0, 0)
