"""Faults between COPY and load: in what COPY sends, in objects of the lake, and in manifests."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

import csv_cells
from corruption_shop import DAY, DAYS
from planted_rows import Rows

from pipeline import checksum, table_copy
from pipeline.catalog import Table
from pipeline.manifest import Manifest, manifest_path, manifest_text, object_path, parse_manifest
from pipeline.snapshot import Snapshot


def folder_of(day: date | None) -> date:
    """Where the lake keeps a partition of this shop."""
    return day or DAY


def read_rows(lake: Path, table: Table) -> Rows:
    """The rows of a table's objects."""
    days: Sequence[date | None] = DAYS if table.is_daily else (None,)
    contents = {day: (lake / object_path(folder_of(day), table.name)).read_bytes() for day in days}
    return {day: list(map(csv_cells.fields, csv_cells.lines(text)[1:])) for day, text in contents.items()}


def write_rows(lake: Path, table: Table, before: Rows, rows: Rows) -> None:
    """Put other rows into a table's objects."""
    for day in rows:
        if rows[day] != before[day]:
            path = lake / object_path(folder_of(day), table.name)
            header = csv_cells.lines(path.read_bytes())[0]
            path.write_bytes(header + b"".join(map(csv_cells.line, rows[day])))


def refit(lake: Path, table: Table, rows: Rows) -> None:
    """Make the manifests fit the objects as they are: sizes, checksums and numbers of rows."""
    numbers = {(table.name, day): len(found) for day, found in rows.items()}
    for day in {folder_of(day) for day in rows}:
        manifest = read_manifest(lake, day)
        fitted = manifest.objects[table.name]
        (part,) = fitted.parts
        text = (lake / part.path).read_bytes()
        other = part.model_copy(update={"bytes": len(text), "crc32c": checksum.of_bytes(text)})
        update = {
            "parts": (other,),
            "rows": numbers[table.name, fitted.day],
            "longest_line": max(map(len, csv_cells.lines(text))),
        }
        write_manifest(lake, manifest, {table.name: fitted.model_copy(update=update)})
    count_found(lake, numbers)


def count_found(lake: Path, numbers: Mapping[tuple[str, date | None], int]) -> None:
    """Make the run's list say these numbers of rows."""
    manifest = read_manifest(lake, DAY)
    assert manifest.run is not None
    found = tuple(
        one.model_copy(update={"rows": numbers.get((one.table, one.day), one.rows)}) for one in manifest.run.found
    )
    run = manifest.run.model_copy(update={"found": found})
    (lake / manifest_path(DAY)).write_bytes(manifest_text(manifest.model_copy(update={"run": run})))


def read_manifest(lake: Path, day: date) -> Manifest:
    return parse_manifest((lake / manifest_path(day)).read_bytes(), manifest_path(day))


def write_manifest(lake: Path, manifest: Manifest, objects: Mapping[str, Any]) -> None:
    """The manifest with some objects' entries replaced, and with a checksum that fits."""
    changed = manifest.model_copy(update={"objects": {**manifest.objects, **objects}})
    (lake / manifest_path(manifest.day)).write_bytes(manifest_text(changed))


def copying(table: str, rows: Rows) -> Any:
    """While the context lasts, COPY of this table sends other rows."""
    sent = table_copy.copied_rows

    def planted(snapshot: Snapshot, copied: Table, days: Sequence[date]) -> Iterator[bytes]:
        return _sent(rows, days) if copied.name == table else sent(snapshot, copied, days)

    return patch.object(table_copy, "copied_rows", planted)


def _sent(rows: Rows, days: Sequence[date]) -> Iterator[bytes]:
    for day in days or [None]:
        for row in rows[day]:
            yield csv_cells.line((str(day).encode(), *row) if day else row)


def one_byte(random: Random, lake: Path, published: Path) -> str:
    """A letter or a digit of a manifest that became another one."""
    path = lake / manifest_path(random.choice(DAYS))
    text = bytearray(path.read_bytes())
    at = random.choice([at for at, byte in enumerate(text) if chr(byte).isalnum()])
    text[at] = ord("7") if text[at] != ord("7") else ord("8")
    path.write_bytes(text)
    return path.parent.name


def of_another_day(random: Random, lake: Path, published: Path) -> str:
    """A day's manifest that lies where another day's should."""
    day, other = random.sample(DAYS, 2)
    (lake / manifest_path(day)).write_bytes((lake / manifest_path(other)).read_bytes())
    return day.isoformat()


def other_rows(random: Random, lake: Path, published: Path) -> str:
    """Another number of rows, in the object's entry and in the run's list."""
    table, day = _partition(random)
    manifest = read_manifest(lake, folder_of(day))
    rows = manifest.objects[table].rows + random.choice([-1, 1])
    write_manifest(lake, manifest, {table: manifest.objects[table].model_copy(update={"rows": rows})})
    count_found(lake, {(table, day): rows})
    return table


def other_entry(update: Callable[[Random], dict[str, Any]]) -> Callable[[Random, Path, Path], str]:
    """Something else in an object's entry, against the run's list."""

    def planted(random: Random, lake: Path, published: Path) -> str:
        table, day = _partition(random)
        manifest = read_manifest(lake, folder_of(day))
        write_manifest(lake, manifest, {table: manifest.objects[table].model_copy(update=update(random))})
        return table

    return planted


def swapped_tables(random: Random, lake: Path, published: Path) -> str:
    """Two tables of the same columns, each with the other's file."""
    manifest = read_manifest(lake, DAY)
    ours, theirs = manifest.objects["person"], manifest.objects["twin"]
    swapped = {
        "person": ours.model_copy(update={"parts": theirs.parts}),
        "twin": theirs.model_copy(update={"parts": ours.parts}),
    }
    write_manifest(lake, manifest, swapped)
    return manifest_path(DAY)


def swapped_days(random: Random, lake: Path, published: Path) -> str:
    """A day's entry that names another day's file."""
    day, other = random.sample(DAYS, 2)
    manifest = read_manifest(lake, day)
    parts = read_manifest(lake, other).objects["every"].parts
    write_manifest(lake, manifest, {"every": manifest.objects["every"].model_copy(update={"parts": parts})})
    return manifest_path(day)


def older_object(random: Random, lake: Path, published: Path) -> str:
    """What the source held before, under the name and the entry of what it holds now."""
    table, day = _partition(random)
    path = object_path(folder_of(day), table)
    text = (published / path).read_bytes()
    (lake / path).write_bytes(text)
    manifest = read_manifest(lake, folder_of(day))
    (part,) = manifest.objects[table].parts
    parts = (part.model_copy(update={"bytes": len(text), "crc32c": checksum.of_bytes(text)}),)
    write_manifest(lake, manifest, {table: manifest.objects[table].model_copy(update={"parts": parts})})
    return table


def no_entry(random: Random, lake: Path, published: Path) -> str:
    """An object that its manifest does not name."""
    table, day = _partition(random)
    path = lake / manifest_path(folder_of(day))
    manifest = json.loads(path.read_bytes())
    del manifest["objects"][table]
    write_manifest(lake, Manifest.model_validate(manifest), {})
    return table


def _partition(random: Random) -> tuple[str, date | None]:
    return random.choice([("person", None), ("twin", None), *(("every", day) for day in DAYS)])


# Each writes into the lake, and says what the error must name. All but the first two are as if written so.
MANIFEST_KINDS: dict[str, Callable[[Random, Path, Path], str]] = {
    "one byte of a manifest": one_byte,
    "manifest of another day": of_another_day,
    "number of rows": other_rows,
    "rows of the object alone": other_entry(lambda random: {"rows": random.randrange(100, 200)}),
    "checksum": other_entry(lambda random: {"checksum": random.getrandbits(62)}),
    "day of an object": other_entry(lambda random: {"day": date(2025, 1, random.randrange(20, 29))}),
    "schema_id": other_entry(lambda random: {"schema_id": f"{random.getrandbits(64):016x}"}),
    "an older sequence": other_entry(lambda random: {"sequence": random.randrange(1, 1000)}),
    "files of two tables swapped": swapped_tables,
    "file of another day": swapped_days,
    "an older object under a newer name": older_object,
    "an object without an entry": no_entry,
}
