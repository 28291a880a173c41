"""A lake in a folder. An object is written under a temporary name, synced, and renamed into place."""

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

import google_crc32c

from pipeline import checksum
from pipeline.durable import sync_folder
from pipeline.errors import ConfigurationError, StepError
from pipeline.failpoints import failpoint
from pipeline.manifest import Part

# Rows come one by one; the checksum and the disk like larger pieces.
_BUFFER_BYTES = 1 << 20


class FolderLake:
    """Objects are files under `root`; files in the making are in `root/.writing`, on the same file system."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.url = root.as_uri()
        self._writing = root / ".writing"

    @classmethod
    def from_url(cls, url: str) -> "FolderLake":
        """The lake at `file:///absolute/folder`.

        Raises:
            ConfigurationError: the URL names another host or no folder.
        """
        parts = urlsplit(url)
        if parts.netloc or not parts.path.startswith("/"):
            raise ConfigurationError(f"TILLROLL_LAKE_URL: {url!r} is not a folder", "Write file:///absolute/folder.")
        return cls(Path(unquote(parts.path)))

    def create(self, path: str) -> "FileWriter":
        with _named("write to the lake", self.root):
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)  # customers' rows are their owner's alone
            self._writing.mkdir(exist_ok=True)
            return FileWriter(path, self._writing / uuid.uuid4().hex, self.root / path)

    def write(self, path: str, content: bytes) -> None:
        writer = self.create(path)
        writer.write(content)
        writer.close()
        writer.commit()

    def read(self, path: str) -> bytes | None:
        with _named("read from the lake", self.root / path):
            try:
                return (self.root / path).read_bytes()
            except FileNotFoundError:
                return None

    def matches(self, part: Part) -> bool:
        path = self.root / part.path
        with _named("read from the lake", path):
            return path.exists() and path.stat().st_size == part.bytes and checksum.of_file(path) == part.crc32c

    @contextmanager
    def local_path(self, part: Part) -> Iterator[Path]:
        yield self.root / part.path

    def folders(self, path: str) -> Iterator[str]:
        with _named("read from the lake", self.root / path):
            try:
                names = sorted(entry.name for entry in os.scandir(self.root / path) if entry.is_dir())
            except FileNotFoundError:
                return
        yield from names

    def delete(self, path: str) -> None:
        with _named("remove from the lake", self.root / path):
            (self.root / path).unlink(missing_ok=True)

    def sweep(self) -> None:
        with failpoint("folder.sweep"):
            shutil.rmtree(self._writing, ignore_errors=True)


class FileWriter:
    """One file in the making."""

    def __init__(self, path: str, temporary: Path, target: Path) -> None:
        self._path, self._temporary, self._target = path, temporary, target
        self._file = temporary.open("wb", buffering=0)
        self._buffer = bytearray()
        self._checksum = 0
        self._flushed = 0

    @property
    def size(self) -> int:
        return self._flushed + len(self._buffer)

    def write(self, data: bytes) -> None:
        self._buffer += data
        if len(self._buffer) >= _BUFFER_BYTES:
            self._flush()

    def close(self) -> Part:
        with _named("write to the lake", self._temporary), failpoint("folder.write"):
            self._flush()
            os.fsync(self._file.fileno())
            self._file.close()
        return Part(path=self._path, bytes=self._flushed, crc32c=checksum.text(self._checksum))

    def commit(self) -> None:
        with _named("write to the lake", self._target), failpoint("folder.rename"):
            self._target.parent.mkdir(parents=True, exist_ok=True)
            self._temporary.replace(self._target)
            sync_folder(self._target.parent)

    def abort(self) -> None:
        self._file.close()
        self._temporary.unlink(missing_ok=True)

    def _flush(self) -> None:
        with _named("write to the lake", self._temporary):
            written = 0
            while written < len(self._buffer):
                written += self._file.write(self._buffer[written:])
        self._checksum = google_crc32c.extend(self._checksum, bytes(self._buffer))
        self._flushed += len(self._buffer)
        self._buffer.clear()


@contextmanager
def _named(action: str, place: Path) -> Iterator[None]:
    """Turn the operating system's error into one that names the place and the remedy."""
    try:
        yield
    except OSError as error:
        raise StepError(
            f"cannot {action} at {place}: {error.strerror or error}",
            "Free disk space or repair the folder's permissions, and run the step again: nothing was published.",
        ) from error
