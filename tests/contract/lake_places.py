"""Places where a lake can be, and what others do there: for tests that hold every lake to the same behaviour."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from emulated_cloud import EmulatedCloud

from pipeline.google_clients import ConfiguredClients
from pipeline.lake.base import Lake
from pipeline.lake.folder import FolderLake
from pipeline.lake.gcs import GCSLake
from pipeline.manifest import Part
from pipeline.settings import Settings


class LakePlace(Protocol):
    """A place, empty at first."""

    def open(self) -> Lake:
        """The lake as a new step opens it."""

    def put(self, path: str, content: bytes) -> None:
        """Put an object there, as somebody who knows nothing of Tillroll."""

    def names(self) -> set[str]:
        """The paths of all objects, temporary ones too."""


@dataclass(frozen=True)
class FolderPlace:
    """A folder."""

    root: Path

    def open(self) -> FolderLake:
        return FolderLake(self.root)

    def put(self, path: str, content: bytes) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_bytes(content)

    def names(self) -> set[str]:
        return {str(path.relative_to(self.root)) for path in self.root.rglob("*") if path.is_file()}


@dataclass(frozen=True)
class BucketPlace:
    """A bucket, or a prefix of one."""

    cloud: EmulatedCloud
    bucket: str
    prefix: str = ""

    @property
    def url(self) -> str:
        return f"gs://{self.bucket}/{self.prefix}".rstrip("/")

    def open(self) -> GCSLake:
        return GCSLake.from_url(self.url, ConfiguredClients(Settings(google_credentials="anonymous")))

    def put(self, path: str, content: bytes) -> None:
        self.cloud.storage().bucket(self.bucket).blob(self._name(path)).upload_from_string(content)

    def names(self) -> set[str]:
        return {blob.name.removeprefix(self._name("")) for blob in self.cloud.storage().list_blobs(self.bucket)}

    def _name(self, path: str) -> str:
        return f"{self.prefix}/{path}" if self.prefix else path


def put(lake: Lake, path: str, *pieces: bytes) -> Part:
    writer = lake.create(path)
    for piece in pieces:
        writer.write(piece)
    part = writer.close()
    writer.commit()
    return part
