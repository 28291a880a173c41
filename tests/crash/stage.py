"""Where schedules are played: as many at once as there are slots, each in a fork of this warm process.

Each slot has a PostgreSQL of its own with the product's own settings, for some schedules kill it. This process opens no
connection and starts no thread: what does is a fork of it.
"""

import os
import pickle
import shutil
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from actor import Actor
from play import Play, Result, see_to_it_that_it_ends
from schedules import Schedule
from warmth import require_one_thread
from world import BASE, DAY, FIRST_DAY, LATE, Builder, World

from pipeline.embedded.postgres import EmbeddedPostgres
from pipeline.settings import Settings

_LONGEST_S = 1800  # on a machine that does much else
_ACTORS_TO_BUILD = 24


@dataclass(frozen=True)
class Slot:
    """A PostgreSQL, and a folder to play in."""

    folder: Path

    def server(self) -> EmbeddedPostgres:
        return EmbeddedPostgres(Settings(data_dir=self.folder, host="127.0.0.1", postgres_port=0))


@contextmanager
def open_stage(folder: Path, workers: int, *, small: bool) -> Iterator[tuple[World, Sequence[Slot]]]:
    """The world, and slots whose servers are up. `small`: one scenario only, for the sample."""
    slots = [Slot(folder / f"slot-{number}") for number in range(workers)]
    _finish(_fork(partial(_build, folder, slots[0], small=small)))
    for slot in slots[1:]:
        shutil.copytree(slots[0].folder / "postgres", slot.folder / "postgres")
    with _servers(slots):
        yield World.read(folder / "world.json"), slots


def play_all(world: World, schedules: Sequence[Schedule], slots: Sequence[Slot]) -> Iterator[Result]:
    """Play them, as many at a time as there are slots."""
    waiting, free, playing = list(schedules), list(slots), dict[int, tuple[Schedule, Slot]]()
    while waiting or playing:
        while waiting and free:
            one, slot = waiting.pop(0), free.pop()
            playing[_fork(partial(_play, world, one, slot))] = one, slot
        pid, status = os.waitpid(-1, 0)
        assert pid in playing, f"a server ended: {status}"
        one, slot = playing.pop(pid)
        free.append(slot)
        yield _result(one, slot, status)


def _build(folder: Path, slot: Slot, *, small: bool) -> None:
    actors = iter([Actor() for _ in range(_ACTORS_TO_BUILD)])
    with slot.server().running() as server:
        builder = Builder(folder, server.url("").rstrip("/"), actors)
        builder.base()
        scenarios = [builder.scenario("late", LATE, ["run", "--day", DAY], backfill=not small)]
        if not small:
            scenarios += [
                builder.scenario("day", BASE, ["run", "--day", DAY], backfill=True),
                builder.scenario("heal", LATE, ["run", "--day", FIRST_DAY], backfill=False),
            ]
    World(folder, tuple(scenarios)).write(folder / "world.json")


def _play(world: World, one: Schedule, slot: Slot) -> None:
    folder = slot.folder / "played"
    folder.mkdir()
    result = Play(world, one, slot.server(), folder).run()
    shutil.rmtree(folder)
    (slot.folder / "result").write_bytes(pickle.dumps(result))


def _result(one: Schedule, slot: Slot, status: int) -> Result:
    file = slot.folder / "result"
    if status == 0:
        result = pickle.loads(file.read_bytes())  # noqa: S301  # our own
        assert isinstance(result, Result)
        return result
    shutil.rmtree(slot.folder / "played", ignore_errors=True)
    return Result(one.name, one.scenario.name, problems=[f"the schedule's own process ended with status {status}"])


@contextmanager
def _servers(slots: Sequence[Slot]) -> Iterator[None]:
    ends: list[int] = []
    keepers = [_keep_up(slot, ends) for slot in slots]
    try:
        yield
    finally:
        for end in ends:
            os.close(end)
        for keeper in keepers:
            os.waitpid(keeper, 0)


def _keep_up(slot: Slot, ends: list[int]) -> int:
    """Keep a slot's server up for as long as this process lives, or until the end that is added to `ends` is closed."""
    (ready, told), (end, stop) = os.pipe(), os.pipe()

    def keep() -> None:
        for other in [*ends, stop, ready]:
            os.close(other)
        with slot.server().running():
            os.write(told, b" ")
            os.read(end, 1)

    keeper = _fork(keep, endless=True)
    os.close(end)
    os.close(told)
    assert os.read(ready, 1), f"the PostgreSQL of {slot.folder} does not start"
    os.close(ready)
    ends.append(stop)
    return keeper


def _fork(work: Callable[[], object], *, endless: bool = False) -> int:
    require_one_thread()
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        if not endless:
            see_to_it_that_it_ends(_LONGEST_S)
        work()
        status = 0
    except BaseException:  # noqa: BLE001  # said here, for nobody else can
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _finish(pid: int) -> None:
    _, status = os.waitpid(pid, 0)
    assert status == 0, "the world could not be made"
