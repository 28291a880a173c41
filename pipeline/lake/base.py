"""What a lake must do: hold objects under paths, replace one atomically, and say what it holds.

A path is relative to the lake's URL, with `/` between its parts: `source/csv/2025-01-01/transaction.csv`.

A lake is opened for one step. Where several may write (a bucket), it goes on from what it saw of a folder first, and
`commit`, `write`, `read` and `delete` raise TransientError for what another writer has replaced there since.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from pipeline.manifest import Part


class ObjectWriter(Protocol):
    """An object in the making. Nothing is under its path before `commit`."""

    @property
    def size(self) -> int:
        """Bytes written so far."""

    def write(self, data: bytes) -> None:
        """Append bytes."""

    def close(self) -> Part:
        """No more bytes follow: everything is durable, still under a temporary name."""

    def commit(self) -> None:
        """Put the closed object under its path, durably and atomically, replacing what was there."""

    def abort(self) -> None:
        """Forget what was written. Harmless after `commit`."""


class Lake(Protocol):
    """A folder or a bucket."""

    url: str

    def create(self, path: str) -> ObjectWriter:
        """Begin an object."""

    def write(self, path: str, content: bytes) -> None:
        """Put a small object under its path, durably and atomically, replacing what was there."""

    def read(self, path: str) -> bytes | None:
        """A small object's content; None where there is none."""

    def matches(self, part: Part) -> bool:
        """Whether the object under the part's path has exactly its bytes and checksum."""

    def local_path(self, part: Part) -> AbstractContextManager[Path]:
        """The object as a local file for as long as the context lasts, for engines that read files."""

    def folders(self, path: str) -> Iterator[str]:
        """Names of the folders directly under `path`, in order; none where `path` does not exist."""

    def delete(self, path: str) -> None:
        """Remove an object; nothing happens where there is none."""

    def sweep(self) -> None:
        """Remove what killed writers left under temporary names. Call it only while no other writer runs."""
