"""The world of the matrix: a small shop with its first day published, and twins whose runs were never disturbed.

It is made once. A schedule works in a copy of it, and is to end as the twin did.
"""

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psycopg
from actor import Actor, Order
from place import Place, State, marts_digest
from strike import Reached, read_trace

from pipeline.settings import ROOT

FIRST_DAY, DAY = "2025-01-01", "2025-01-02"
DAY_BEFORE = "2024-12-31"
SCALE, HISTORY_DAYS = "0.01", "10"
BASE, LATE = "base", "late"
# A text that makes one CSV larger than a shard may be; shortened late, it leaves a shard that nobody names any more.
LONG_TEXT = """
update ecommerce.review set body = repeat('long ', 250000) where review_id =
    (select min(review_id) from ecommerce.review where (created_at at time zone 'UTC')::date = %s)
"""
LATE_CHANGES = (
    "update ecommerce.review set body = 'short' where length(body) > 1000000",
    "update ecommerce.review set rating = 6 - rating where rating <> 3 and review_id % 7 = 0",
    "delete from ecommerce.review where review_id = (select min(review_id) from ecommerce.review)",
    "update ecommerce.product set brand = brand || ' & Sons' where product_id = 1",
)


@dataclass(frozen=True)
class Step:
    """A durable step of an undisturbed run: when it began, and how long it took."""

    failpoint: str
    nth: int
    began: float
    seconds: float


@dataclass(frozen=True)
class Scenario:
    """What is run, in a copy of which place, and what the twin came to.

    `published` are the states that readers may see; `backfilled` those that they may see besides, where earlier days
    are run meanwhile.
    """

    name: str
    start: str
    arguments: tuple[str, ...]
    final: State
    published: tuple[str, ...]
    backfilled: tuple[str, ...]
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class World:
    """Where the places lie, and what is run in them."""

    folder: Path
    scenarios: tuple[Scenario, ...]

    def start(self, server: str, scenario: Scenario) -> Place:
        return Place(server, scenario.start, self.folder / scenario.start)

    def write(self, file: Path) -> None:
        file.write_text(json.dumps([asdict(scenario) for scenario in self.scenarios]))

    @classmethod
    def read(cls, file: Path) -> "World":
        scenarios = [
            Scenario(
                **{
                    **found,
                    **{name: tuple(found[name]) for name in ("arguments", "published", "backfilled")},
                    "steps": tuple(Step(**step) for step in found["steps"]),
                }
            )
            for found in json.loads(file.read_text())
        ]
        return cls(file.parent, tuple(scenarios))


class Builder:
    """Makes the world, with actors that were forked before anything was opened."""

    def __init__(self, folder: Path, server: str, actors: Iterator[Actor]) -> None:
        self._folder, self._server, self._actors = folder, server, actors

    def base(self) -> Place:
        """A shop whose first day is published, and the same with changes that came late."""
        place = Place(self._server, BASE, self._folder / BASE)
        with psycopg.connect(f"{self._server}/postgres", autocommit=True) as connection:
            connection.execute(f"create database {BASE}")
        place.folder.mkdir()
        text = (ROOT / "config" / "ingestion.yml").read_text()
        for name, was, becomes in (("scale", "1.0", SCALE), ("history_days", "90", HISTORY_DAYS)):
            assert f"{name}: {was}" in text
            text = text.replace(f"{name}: {was}", f"{name}: {becomes}")
        (place.folder / "ingestion.yml").write_text(text)
        self._run(place, "ingest", "--day", FIRST_DAY)
        self._change(place, [LONG_TEXT % f"'{DAY_BEFORE}'"])
        self._run(place, "run", "--day", FIRST_DAY)
        self._change(place.copy(LATE, self._folder / LATE), LATE_CHANGES)
        return place

    def scenario(self, name: str, start: str, arguments: Sequence[str], *, backfill: bool) -> Scenario:
        before = Place(self._server, start, self._folder / start)
        published = [marts_digest(before.marts)]
        twin = before.copy(f"twin_{name}", self._folder / f"twin_{name}")
        days = [argument for argument in arguments if argument.startswith("20")]
        trace = self._run(twin, *arguments)
        published.append(marts_digest(twin.marts))
        if len(days) > 1:
            published.append(self._state_after(before, [("run", "--day", days[0])]))
        backfilled = self._backfilled(before) if backfill else []
        return Scenario(
            name, start, tuple(arguments), twin.state(), tuple(published), tuple(backfilled), tuple(steps_of(trace))
        )

    def _backfilled(self, before: Place) -> Iterator[str]:
        """What readers may see while earlier days are run: before the day itself is ingested, and after."""
        for first in ([], [("ingest", "--day", DAY)]):
            for days in ([DAY_BEFORE], [DAY_BEFORE, FIRST_DAY]):
                yield self._state_after(before, [*first, *(("run", "--day", day) for day in days)])

    def _state_after(self, before: Place, commands: Sequence[Sequence[str]]) -> str:
        place = before.copy("passing", self._folder / "passing")
        for command in commands:
            self._run(place, *command)
        state = marts_digest(place.marts)
        place.remove()
        return state

    def _run(self, place: Place, *arguments: str) -> list[Reached]:
        actor, trace = next(self._actors), place.folder.with_suffix(".trace")
        trace.unlink(missing_ok=True)
        actor.start(Order(arguments, place.environment(), trace))
        status, output = actor.wait(), actor.output()
        assert status == 0, output
        return read_trace(trace)

    def _change(self, place: Place, statements: Sequence[str]) -> None:
        with psycopg.connect(place.url) as connection:
            for statement in statements:
                assert connection.execute(statement).rowcount, statement


def steps_of(trace: Sequence[Reached]) -> Iterator[Step]:
    """The steps of a run, in the order in which they began; of steps at once, the first that ends is the first."""
    ends: dict[str, list[float]] = {}
    for event in trace:
        if event.moment == "after":
            ends.setdefault(event.failpoint, []).append(event.seconds)
    begun: dict[str, int] = {}
    for event in trace:
        if event.moment == "before":
            nth = begun[event.failpoint] = begun.get(event.failpoint, 0) + 1
            later = [end for end in ends.get(event.failpoint, ()) if end >= event.seconds]
            yield Step(event.failpoint, nth, event.seconds, (later[0] if later else event.seconds) - event.seconds)


def dbt_folder(place: Place) -> Path:
    """What dbt remembers of the project, which saves the next run time and nothing else."""
    return place.folder / "run" / "dbt"


def lend_dbt_memory(world: World, scenario: Scenario, place: Place) -> None:
    """Give a copy what dbt had read of the project in the twin: a schedule then takes half the time."""
    shutil.rmtree(dbt_folder(place))
    shutil.copytree(world.folder / f"twin_{scenario.name}" / "run" / "dbt", dbt_folder(place))
