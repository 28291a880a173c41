"""Faults of a table's rows: a cell, two cells, whole rows; each at a random place among those that can have it."""

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from random import Random

from csv_cells import Row
from planted_cells import FAULTS, NO_CHANGE, Fault, differs

from pipeline.catalog import Table

# A table's rows by the day they lie under; a whole table's by None.
Rows = dict[date | None, list[Row]]

# How many places are tried before a kind counts as impossible in a table.
_TRIES = 400


@dataclass(frozen=True)
class Planted:
    """The rows with a fault in them, the days it touches, and where it is."""

    rows: Rows
    days: frozenset[date | None]
    where: str


Kind = Callable[[Random, Table, Rows], Planted | None]


def plant(kind: str, random: Random, table: Table, rows: Rows) -> Planted | None:
    """A fault of this kind somewhere in the rows; None where none is possible."""
    return KINDS[kind](random, table, rows)


def _cell(fault: Fault) -> Kind:
    """One cell of one row. The key and the day are cells like others."""

    def planted(random: Random, table: Table, rows: Rows) -> Planted | None:
        # A type at a time, so that rare types have their share.
        rules = sorted({column.type.source for column in table.columns})
        random.shuffle(rules)
        for declared in rules:
            places = [
                (day, at, number)
                for number, column in enumerate(table.columns)
                if column.type.source == declared
                for day, at in _places(rows)
                if fault(column.type.rule, rows[day][at][number]) is not None
            ]
            if places:
                day, at, number = random.choice(places)
                changed = fault(table.columns[number].type.rule, rows[day][at][number])
                assert changed is not None
                row = _with(rows[day][at], {number: changed})
                return _changed(table, rows, {(day, at): row}, f"{table.columns[number].name} ({declared})")
        return None

    return planted


def cells_of_a_row(random: Random, table: Table, rows: Rows) -> Planted | None:
    """Two values of one row, of one type, in each other's place."""
    pairs = [
        (left, right)
        for left, right in itertools.combinations(range(len(table.columns)), 2)
        if table.columns[left].type == table.columns[right].type
    ]
    for _ in range(_TRIES):
        day, at = random.choice(_places(rows))
        if not pairs:
            return None
        left, right = random.choice(pairs)
        row = rows[day][at]
        if differs(table.columns[left].type.rule, row[left], row[right]):
            swapped = _with(row, {left: row[right], right: row[left]})
            return _changed(
                table, rows, {(day, at): swapped}, f"{table.columns[left].name}, {table.columns[right].name}"
            )
    return None


def cells_of_a_column(random: Random, table: Table, rows: Rows) -> Planted | None:
    """The values of two rows in one column, in each other's place."""
    for _ in range(_TRIES):
        (day, at), (other_day, other) = random.sample(_places(rows), 2)
        number = random.randrange(len(table.columns))
        ours, theirs = rows[day][at], rows[other_day][other]
        # Two rows that have only this in which they differ would be exchanged, not changed.
        if sum(differs(c.type.rule, a, b) for c, a, b in zip(table.columns, ours, theirs, strict=True)) < 2:
            continue
        if differs(table.columns[number].type.rule, ours[number], theirs[number]):
            swapped = {
                (day, at): _with(ours, {number: theirs[number]}),
                (other_day, other): _with(theirs, {number: ours[number]}),
            }
            return _changed(table, rows, swapped, table.columns[number].name)
    return None


def dropped(random: Random, table: Table, rows: Rows) -> Planted | None:
    """A row left out."""
    day, at = random.choice(_places(rows))
    return _changed(table, rows, {(day, at): None}, "a row")


def doubled(random: Random, table: Table, rows: Rows) -> Planted | None:
    """A row that comes twice."""
    day, at = random.choice(_places(rows))
    return Planted(rows | {day: [*rows[day], rows[day][at]]}, frozenset([day]), "a row")


def one_for_another(random: Random, table: Table, rows: Rows) -> Planted | None:
    """A row in the place of another: as many rows as before, one of them twice."""
    day, at = random.choice(_places(rows))
    others = [row for row in rows[day] if row != rows[day][at]]
    return _changed(table, rows, {(day, at): random.choice(others)}, "a row") if others else None


def exchanged(random: Random, table: Table, rows: Rows) -> Planted | None:
    """All values of two rows, but their keys, in each other's place."""
    for _ in range(_TRIES):
        (day, at), (other_day, other) = random.sample(_places(rows), 2)
        keys = {number: c for number, c in enumerate(table.columns) if c.name in table.key}
        ours, theirs = rows[day][at], rows[other_day][other]
        if day == other_day and _with(ours, {n: theirs[n] for n in keys}) != theirs:
            swapped = {
                (day, at): _with(theirs, {n: ours[n] for n in keys}),
                (day, other): _with(ours, {n: theirs[n] for n in keys}),
            }
            return _changed(table, rows, swapped, "two rows")
    return None


def moved(random: Random, table: Table, rows: Rows) -> Planted | None:
    """A row that says, and lies under, another day."""
    if not table.is_daily:
        return None
    day, at = random.choice(_places(rows))
    other = random.choice([found for found in rows if found != day])
    assert other is not None
    number = table.columns.index(table.partition_column)
    row = _with(rows[day][at], {number: other.isoformat().encode() + rows[day][at][number][10:]})
    kept = [found for place, found in enumerate(rows[day]) if place != at]
    return Planted(rows | {day: kept, other: [*rows[other], row]}, frozenset([day, other]), "a row")


ROW_KINDS: dict[str, Kind] = {
    "two cells of a row swapped": cells_of_a_row,
    "two cells of a column swapped": cells_of_a_column,
    "row dropped": dropped,
    "row doubled": doubled,
    "row in another's place": one_for_another,
    "two rows' values exchanged": exchanged,
    "row moved to another day": moved,
}
CELL_KINDS: dict[str, Kind] = {name: _cell(fault) for name, fault in FAULTS.items()}
SAME_KINDS: dict[str, Kind] = {name: _cell(fault) for name, fault in NO_CHANGE.items()}
KINDS: Mapping[str, Kind] = CELL_KINDS | ROW_KINDS | SAME_KINDS


def _places(rows: Rows) -> list[tuple[date | None, int]]:
    return [(day, at) for day, found in rows.items() for at in range(len(found))]


def _with(row: Row, cells: Mapping[int, bytes]) -> Row:
    return tuple(cells.get(number, raw) for number, raw in enumerate(row))


def _changed(
    table: Table, rows: Rows, changes: Mapping[tuple[date | None, int], Row | None], where: str
) -> Planted | None:
    """The rows with some replaced, or left out."""
    days = frozenset(day for day, _ in changes)
    return Planted({day: list(_replaced(day, found, changes)) for day, found in rows.items()}, days, where)


def _replaced(
    day: date | None, rows: list[Row], changes: Mapping[tuple[date | None, int], Row | None]
) -> Iterator[Row]:
    for at, row in enumerate(rows):
        changed = changes.get((day, at), row)
        if changed is not None:
            yield changed
