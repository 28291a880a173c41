"""A lake in a bucket of Google Cloud Storage, or below a prefix of one.

An object is sent under a temporary name, checked, and copied into place by the service. What other writers change
meanwhile is refused (see `gcs_objects`), so that a manifest never names a mixture of two runs' objects.
"""

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from google.api_core.exceptions import NotFound, PreconditionFailed
from google.api_core.retry import Retry
from google.cloud import storage

from pipeline import checksum
from pipeline.errors import ConfigurationError, CorruptObjectError
from pipeline.failpoints import failpoint
from pipeline.google_clients import GoogleClients
from pipeline.google_errors import RETRY
from pipeline.lake.gcs_objects import Content, Objects
from pipeline.lake.gcs_writer import WRITING, GCSWriter, content_type
from pipeline.manifest import Part

# Nobody writes one object for so long, so what is older was left by a writer that was killed.
KEEP_TEMPORARY = timedelta(days=1)

# https://cloud.google.com/storage/docs/buckets#naming; and in a prefix nothing that a URL or a load job reads as more.
_FOLDER = r"(?!\.\.?(?:/|$))[\w.=+@ -]+"
_URL = re.compile(rf"gs://(?P<bucket>[a-z0-9][a-z0-9._-]{{1,220}}[a-z0-9])(?:/(?P<prefix>{_FOLDER}(?:/{_FOLDER})*))?/?")


class GCSLake:
    """Objects below `gs://bucket/prefix`. For one step: it goes on from what it saw of a folder first."""

    def __init__(self, client: storage.Client, bucket: str, prefix: str = "", *, retry: Retry = RETRY) -> None:
        self._objects = Objects(client, bucket, prefix, retry)
        self.url = self._objects.url

    @classmethod
    def from_url(cls, url: str, clients: GoogleClients) -> "GCSLake":
        """The lake at `gs://bucket/prefix`.

        Raises:
            ConfigurationError: the URL names no bucket, or something besides a bucket and a prefix; or there are no
                credentials.
        """
        found = _URL.fullmatch(url)
        if found is None:
            raise ConfigurationError(
                f"TILLROLL_LAKE_URL: {url!r} is not a bucket",
                "Write gs://bucket or gs://bucket/prefix, with a bucket's name as Google Cloud has them.",
            )
        return cls(clients.storage(), found["bucket"], found["prefix"] or "")

    def uri(self, path: str) -> str:
        """The object's address, for those who read it at its place."""
        return f"{self.url}/{path}"

    def create(self, path: str) -> GCSWriter:
        with self._objects.explained():
            self._objects.seen(path)  # what is replaced is what was there when the writing began
        return GCSWriter(path, self._objects)

    def write(self, path: str, content: bytes) -> None:
        def send(blob: storage.Blob, generation: int) -> None:
            blob.upload_from_string(
                content,
                content_type=content_type(path),
                checksum="crc32c",
                if_generation_match=generation,
                retry=self._objects.retry,
            )

        with self._objects.explained(), failpoint("gcs.manifest"):
            self._objects.replace(path, Content(len(content), checksum.of_bytes(content)), send)

    def read(self, path: str) -> bytes | None:
        with self._objects.explained():
            seen = self._objects.seen(path)
            if seen is None:
                return None
            try:
                content: bytes = self._objects.blob(path).download_as_bytes(
                    if_generation_match=seen.generation, checksum="crc32c", retry=self._objects.retry
                )
            except (NotFound, PreconditionFailed):
                raise self._objects.changed(path) from None
            return content

    def matches(self, part: Part) -> bool:
        with self._objects.explained():
            seen = self._objects.seen(part.path)
        return seen is not None and seen.content == Content(part.bytes, part.crc32c)

    @contextmanager
    def local_path(self, part: Part) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix="tillroll-") as folder:
            file = Path(folder) / Path(part.path).name
            with self._objects.explained():
                try:
                    self._objects.blob(part.path).download_to_filename(str(file), retry=self._objects.retry)
                except NotFound:
                    file.unlink(missing_ok=True)
            if not file.exists() or (file.stat().st_size, checksum.of_file(file)) != (part.bytes, part.crc32c):
                raise CorruptObjectError(
                    f"{self.uri(part.path)} is not what its manifest says ({part.bytes} bytes, crc32c {part.crc32c})",
                    "Extract its day again, with `tillroll sync`, which writes what is missing or damaged anew.",
                )
            yield file

    def folders(self, path: str) -> Iterator[str]:
        with self._objects.explained():
            _, names = self._objects.entries(path)
        yield from names

    def delete(self, path: str) -> None:
        with self._objects.explained(), failpoint("gcs.delete"):
            self._objects.delete(path)

    def sweep(self) -> None:
        """Remove what killed writers left a day ago or earlier: what is younger may be another writer's."""
        until = datetime.now(UTC) - KEEP_TEMPORARY
        with self._objects.explained():
            for blob in self._objects.entries(WRITING)[0]:
                if blob.time_created < until:
                    with failpoint("gcs.sweep"):
                        blob.delete(if_generation_match=blob.generation, retry=self._objects.retry)
