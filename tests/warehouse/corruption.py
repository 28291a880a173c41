"""Faults planted anywhere between COPY and publish, and what becomes of each: caught, or not.

Each plant has a number, and its own random numbers from the seed and that number: any of them can be run again alone.
"""

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

from corruption_shop import DAY, CorruptionShop, read
from planted_objects import MANIFEST_KINDS, copying, read_rows, refit, write_rows
from planted_rows import CELL_KINDS, ROW_KINDS, SAME_KINDS, Planted, Rows, plant
from planted_typed import DuckDBRows, can_hold, difference

from pipeline import steps
from pipeline.catalog import Table
from pipeline.errors import DataError
from pipeline.settings import Settings
from pipeline.warehouse.duckdb import DuckDBPublication

FAULTS = (*CELL_KINDS, *ROW_KINDS)
SAME = tuple(SAME_KINDS)

_TRIES = 50

CAUGHT, MISSED, UNCHANGED = "caught", "missed", "no change, published as it should be"


@dataclass(frozen=True)
class Verdict:
    """What became of a plant. `said` is the error that stopped it."""

    number: int
    place: str
    kind: str
    where: str
    outcome: str
    said: str = ""

    def __str__(self) -> str:
        return f"plant {self.number}: {self.kind}, {self.place}, in {self.where}: {self.outcome}: {self.said}"


@dataclass(frozen=True)
class Stage:
    """A fresh copy of the shop to plant one fault into, with its lake in a folder and its warehouse in a file."""

    shop: CorruptionShop
    settings: Settings
    random: Random
    kind: str

    @property
    def lake(self) -> Path:
        """The folder in which objects are changed."""
        return self.settings.data / "lake"

    def extract(self) -> None:
        steps.extract_day(self.settings, DAY)

    def publish(self) -> None:
        steps.publish_day(self.settings, DAY)

    def holds(self, table: Table, before: Rows, after: Rows) -> bool:
        """Whether these rows are values of the warehouse's types."""
        return can_hold(table, difference(before, after)[1])

    def altering(self, moment: str, table: Table, before: Rows, after: Rows) -> AbstractContextManager[None]:
        """While the context lasts, what is loaded changes right after it is loaded, or right before it is published."""
        return altering(
            moment, DuckDBPublication, table, lambda loaded: DuckDBRows(loaded, table).change(before, after)
        )

    def tables(self) -> list[Table]:
        """The tables, in the order in which a place for the fault is looked for: mostly in that of every type."""
        every, *others = self.shop.catalog
        self.random.shuffle(others)
        return [every, *others] if self.random.random() < 0.8 else [*others, every]

    def planted(self, held: Path, *, typed: bool = False) -> tuple[Table, Rows, Planted]:
        """The first table that can have the fault, its rows in the lake `held`, and its rows with the fault."""
        for _ in range(_TRIES):
            for table in self.tables():
                rows = read_rows(held, table)
                planted = plant(self.kind, self.random, table, rows)
                if planted and (not typed or self.holds(table, rows, planted.rows)):
                    return table, rows, planted
        raise AssertionError(f"nowhere in the shop is there room for: {self.kind}")


@dataclass(frozen=True)
class Attempt:
    """What a place did: where the fault is, what the error must name, and the attempt to publish."""

    where: str
    names: tuple[str, ...]
    publish: Callable[[], object]


def in_copy(stage: Stage) -> Attempt:
    """In what COPY sends, before the lake's writer sees it."""
    table, _, planted = stage.planted(stage.shop.next_lake)

    def publish() -> None:
        with copying(table.name, planted.rows):
            stage.extract()
        stage.publish()

    return Attempt(*_named(table, planted), publish)


def in_object(stage: Stage) -> Attempt:
    """In an object of the lake, after its manifest was written."""
    table, rows, planted = stage.planted(stage.lake)
    write_rows(stage.lake, table, rows, planted.rows)
    return Attempt(*_named(table, planted), stage.publish)


def in_fitted_object(stage: Stage) -> Attempt:
    """In an object, with its manifest's sizes, checksums and numbers of rows made to fit."""
    table, rows, planted = stage.planted(stage.lake)
    write_rows(stage.lake, table, rows, planted.rows)
    refit(stage.lake, table, planted.rows)
    return Attempt(*_named(table, planted), stage.publish)


def in_manifest(stage: Stage) -> Attempt:
    """In a manifest."""
    named = MANIFEST_KINDS[stage.kind](stage.random, stage.lake, stage.shop.last_lake)
    return Attempt(named, (named,), stage.publish)


def in_loaded_rows(stage: Stage) -> Attempt:
    """In the typed rows, as if the warehouse had read the CSV wrongly."""
    return _typed(stage, "load")


def in_audited_rows(stage: Stage) -> Attempt:
    """In the typed rows, after they were audited and before they are published."""
    return _typed(stage, "publish")


def _typed(stage: Stage, moment: str) -> Attempt:
    table, rows, planted = stage.planted(stage.shop.next_lake, typed=True)

    def publish() -> None:
        with stage.altering(moment, table, rows, planted.rows):
            stage.publish()

    return Attempt(*_named(table, planted), publish)


@contextmanager
def altering(moment: str, publisher: type, table: Table, change: Callable[[Any], None]) -> Iterator[None]:
    """Change what is loaded, right after it is loaded or right before it is published."""
    happen: Callable[..., Any] = getattr(publisher, moment)

    def happening(publication: Any, *arguments: Any) -> Any:
        if moment == "publish":
            change(publication)
        answer = happen(publication, *arguments)
        if moment == "load" and arguments[0] == table:
            change(publication)
        return answer

    with patch.object(publisher, moment, happening):
        yield


def _named(table: Table, planted: Planted) -> tuple[str, tuple[str, ...]]:
    days = tuple(day.isoformat() for day in planted.days if day)
    return f"{table.name} {', '.join(days)} {planted.where}", (table.name, *days)


PLACES: Mapping[str, tuple[Callable[[Stage], Attempt], tuple[str, ...]]] = {
    "what COPY sends": (in_copy, (*FAULTS, *SAME)),
    "object in the lake": (in_object, FAULTS),
    "object, manifest made to fit": (in_fitted_object, (*FAULTS, *SAME)),
    "manifest": (in_manifest, tuple(MANIFEST_KINDS)),
    "typed rows, loaded": (in_loaded_rows, FAULTS),
    "typed rows, audited": (in_audited_rows, FAULTS),
}
# Every place and kind once, and then from the beginning.
ROUND = tuple((place, kind) for place, (_, kinds) in PLACES.items() for kind in kinds)


class Corruption:
    """Plants faults into copies of a shop."""

    def __init__(self, shop: CorruptionShop, folder: Path) -> None:
        self.shop, self._folder = shop, folder
        self._before = read(shop.at(shop.folder / "extracted"))
        self._after = read(shop.at(shop.folder / "expected"))
        assert self._before != self._after

    def run(self, seed: int, number: int, *, heal: bool) -> Verdict:
        """Plant the fault of this number. `heal` also follows the error's remedy, and sees the source's rows arrive."""
        random = Random(f"{seed}/{number}")  # noqa: S311
        place, kind = ROUND[number % len(ROUND)]
        state = "published" if place == "what COPY sends" else "extracted"
        settings = self.shop.copy(state, self._folder / str(number))
        try:
            attempt = PLACES[place][0](Stage(self.shop, settings, random, kind))
            outcome, said = self._outcome(attempt, settings, kind, heal=heal)
        finally:
            shutil.rmtree(settings.data)
        return Verdict(number, place, kind, attempt.where, outcome, said)

    def _outcome(self, attempt: Attempt, settings: Settings, kind: str, *, heal: bool) -> tuple[str, str]:
        try:
            attempt.publish()
        except DataError as error:
            if read(settings) != self._before:
                return "readers saw a change", str(error)
            if not all(name in str(error) for name in attempt.names[:1]) or not _day_named(attempt, str(error)):
                return f"the error names none of {attempt.names}", str(error)
            return self._healed(settings, error) if heal else (CAUGHT, str(error))
        is_right = read(settings) == self._after
        return (UNCHANGED if kind in SAME and is_right else MISSED), ""

    def _healed(self, settings: Settings, error: DataError) -> tuple[str, str]:
        """Do what the error says, and see that what people read is then the source's."""
        if "manifest" in error.message and error.remedy.startswith("Delete it"):
            (settings.data / "lake" / error.message.split()[0]).unlink()
        steps.sync_day(settings, DAY)
        return (CAUGHT if read(settings) == self._after else "not healed by its remedy"), str(error)


def _day_named(attempt: Attempt, said: str) -> bool:
    return len(attempt.names) == 1 or any(day in said for day in attempt.names[1:])
