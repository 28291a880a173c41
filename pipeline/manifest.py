"""Manifests: what makes a lake's day exist. It is written last, and names each object of the day exactly.

Without a manifest a day does not exist; an object that is not what its manifest says is never loaded, and a manifest
that is not what was written is never believed.
"""

from datetime import date, datetime
from typing import Annotated
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, PlainSerializer, ValidationError

from pipeline import checksum
from pipeline.errors import CorruptObjectError
from pipeline.fingerprint import Fingerprint, Partition

# Format 1 had no checksum of its own.
FORMAT = 2

SOURCE = "source/csv"

# In JSON as text: many readers keep 53 bits of a number.
Checksum = Annotated[int, PlainSerializer(str, return_type=str, when_used="json")]


def manifest_path(day: date) -> str:
    """Where a day's manifest lies."""
    return f"{SOURCE}/{day.isoformat()}/manifest.json"


def object_path(day: date, table: str, shard: int = 0) -> str:
    """Where a table's CSV of a day lies: `transaction.csv`, and past the shard size `transaction.part=00001.csv`, …

    What a file system or a URL could read as something else, and `=`, is percent-encoded in the table's name.
    """
    name = quote(table, safe="")
    return f"{SOURCE}/{day.isoformat()}/{name}{f'.part={shard:05d}' if shard else ''}.csv"


class Part(BaseModel):
    """One file. `path` is relative to the lake; `crc32c` is 8 hex digits."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    path: str
    bytes: int
    crc32c: str


class Found(BaseModel):
    """One partition, and what the source held of it in a snapshot."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    table: str
    day: date | None
    rows: int
    checksum: Checksum
    schema_id: str

    @property
    def partition(self) -> Partition:
        return Partition(self.table, self.day)

    @property
    def fingerprint(self) -> Fingerprint:
        return Fingerprint(self.rows, self.checksum)


class LakeObject(Found):
    """One partition in the lake: a file, or several past the shard size.

    `sequence` orders snapshots of the source: of two objects of one partition, the higher is the newer.
    `longest_line` is in bytes: a reader need not guess how much to buffer. `refused` says that an audit found
    other rows in it than the source's.
    """

    parts: tuple[Part, ...]
    longest_line: int
    columns: dict[str, str]
    sequence: int
    snapshot: str
    extracted_at: datetime
    run_day: date
    refused: bool = False


class Evolved(BaseModel):
    """A table's columns where the source had others than the catalog's file: names and declarations, as in the file.

    `of` is the `schema_id` of the file's table, so that the columns are taken for no other.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    of: str
    columns: dict[str, str]


class Run(BaseModel):
    """What the extract for a day found in its snapshot: every partition it compared, changed or not.

    `histories` names the tables of which that is all there is, so that one never published can be published whole.
    `evolved` says which tables followed the source: who publishes them has only this and the catalog's file.
    `anew` are partitions to be loaded even where the ledger says the same: their published rows were changed by hand.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    sequence: int
    found: tuple[Found, ...]
    histories: tuple[str, ...]
    evolved: dict[str, Evolved] = {}
    anew: tuple[Partition, ...] = ()


class Manifest(BaseModel):
    """All objects that lie under one day of the lake, by table name, and what the last extract for that day found.

    `crc32c` is that of the manifest's own text without it: no file says of a manifest what an object's manifest says.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    format: int = FORMAT
    code_version: str
    day: date
    objects: dict[str, LakeObject]
    run: Run | None = None
    crc32c: str | None = None


def manifest_text(manifest: Manifest) -> bytes:
    """What is written: the manifest, with its checksum."""
    return _text(manifest.model_copy(update={"crc32c": _checksum(manifest)}))


def parse_manifest(content: bytes, path: str) -> Manifest:
    """Read the manifest that lies at `path`.

    Raises:
        CorruptObjectError: it is not one that this version understands, not what was written, or another day's.
    """
    try:
        manifest = Manifest.model_validate_json(content)
    except ValidationError as error:
        raise CorruptObjectError(
            f"{path} is not a manifest: {error.errors()[0]['msg']}",
            "Delete it and run the extract step of that day again; the source still has the rows.",
        ) from error
    if manifest.format not in {1, FORMAT}:
        raise CorruptObjectError(
            f"{path} has format {manifest.format}, not {FORMAT}", "Use the version of Tillroll that wrote it."
        )
    if not (_is_as_written(manifest) and manifest_path(manifest.day) == path and _names_its_own(manifest)):
        raise CorruptObjectError(
            f"{path} is not the manifest that was written there",
            "Delete it and run the extract step of that day again; the source still has the rows.",
        )
    return manifest


def _is_as_written(manifest: Manifest) -> bool:
    return manifest.crc32c == _checksum(manifest) or (manifest.format, manifest.crc32c) == (1, None)


def _names_its_own(manifest: Manifest) -> bool:
    """Whether every object lies where its day and its table say: who replaces one would else remove another's file."""
    return all(
        [part.path for part in found.parts] == [object_path(manifest.day, name, n) for n in range(len(found.parts))]
        for name, found in manifest.objects.items()
    )


def _checksum(manifest: Manifest) -> str:
    return checksum.of_bytes(_text(manifest.model_copy(update={"crc32c": None})))


def _text(manifest: Manifest) -> bytes:
    return manifest.model_dump_json(indent=1).encode() + b"\n"
