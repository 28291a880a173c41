"""Manifests: what makes a lake's day exist. A day's manifest.json is written last, and names each of its objects exactly.

Without a manifest a day does not exist; an object that is not what its manifest says is never loaded.
"""

from datetime import date, datetime

from pydantic import BaseModel, ConfigDict, ValidationError

from pipeline.errors import CorruptObjectError
from pipeline.fingerprint import Fingerprint, Partition

FORMAT = 1


class Part(BaseModel):
    """One file. `path` is relative to the lake; `crc32c` is 8 hex digits."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    path: str
    bytes: int
    crc32c: str


class LakeObject(BaseModel):
    """One partition of one table in the lake: a file, or several past the shard size.

    `sequence` orders snapshots of the source: of two objects of one partition, the higher is the newer.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    table: str
    day: date | None
    parts: tuple[Part, ...]
    rows: int
    checksum: int
    schema_id: str
    columns: dict[str, str]
    sequence: int
    snapshot: str
    extracted_at: datetime
    run_day: date

    @property
    def partition(self) -> Partition:
        return Partition(self.table, self.day)

    @property
    def fingerprint(self) -> Fingerprint:
        return Fingerprint(self.rows, self.checksum)


class Manifest(BaseModel):
    """All objects that lie under one day of the lake, by table name."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    format: int = FORMAT
    code_version: str
    day: date
    objects: dict[str, LakeObject]


def parse_manifest(content: bytes, path: str) -> Manifest:
    """Read a manifest. Raises CorruptObjectError when it is not one this version understands."""
    try:
        manifest = Manifest.model_validate_json(content)
    except ValidationError as error:
        raise CorruptObjectError(
            f"{path} is not a manifest: {error.errors()[0]['msg']}",
            "Delete it and run the extract step of that day again; the source still has the rows.",
        ) from error
    if manifest.format != FORMAT:
        raise CorruptObjectError(
            f"{path} has format {manifest.format}, not {FORMAT}", "Use the version of Tillroll that wrote it."
        )
    return manifest
