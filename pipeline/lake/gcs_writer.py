"""An object on its way into a bucket: sent piece by piece under a temporary name, checked, copied into place.

What fits into one piece is one request. More is a resumable upload, so that memory holds a few pieces however long the
object is, and the disk nothing. A writer that is killed leaves an object under `.writing/`, or an upload that Google
forgets after a week; there is never anything under the object's own path.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import google_crc32c
from google.cloud import storage
from google.cloud.storage.fileio import BlobWriter

from pipeline import checksum
from pipeline.errors import TillrollError, TransientError
from pipeline.failpoints import failpoint
from pipeline.lake.gcs_objects import Content, Objects, Version
from pipeline.manifest import Part

WRITING = ".writing"
PIECE_BYTES = 8 << 20
_AGAIN = "Run the step again; nothing was published."


class GCSWriter:
    """One object in the making."""

    def __init__(self, path: str, objects: Objects) -> None:
        self._path, self._objects = path, objects
        self._temporary = objects.blob(f"{WRITING}/{uuid.uuid4().hex}")
        self._upload: BlobWriter | None = None
        self._buffer = bytearray()
        self._checksum = 0
        self._sent = 0
        self._closed: Version | None = None

    @property
    def size(self) -> int:
        return self._sent + len(self._buffer)

    def write(self, data: bytes) -> None:
        self._buffer += data
        while len(self._buffer) > PIECE_BYTES:
            with self._sending(), failpoint("gcs.piece"):
                self._send_piece()

    def close(self) -> Part:
        with self._sending(), failpoint("gcs.finish"):
            self._send_last()
            self._closed = Version.of(self._temporary)
        written = Content(self._sent, checksum.text(self._checksum))
        if self._closed.content != written:
            raise TransientError(
                f"{self._path} arrived damaged in {self._objects.url}: {self._closed.content}, sent was {written}",
                _AGAIN,
            )
        return Part(path=self._path, bytes=written.bytes, crc32c=written.crc32c)

    def commit(self) -> None:
        assert self._closed is not None  # only what was closed is committed  # noqa: S101
        with self._objects.explained(), failpoint("gcs.copy"):
            self._objects.replace(self._path, self._closed.content, self._copy_into_place)
        self.abort()

    def abort(self) -> None:
        upload, closed = self._upload, self._closed
        self._buffer.clear()
        self._upload = self._closed = None
        # Tried once: what stays is removed by `sweep` a day later, and the failure that led here matters more.
        with suppress(TillrollError), self._objects.explained():
            if upload and not upload.closed:
                _forget(upload)
            if closed:
                with failpoint("gcs.temporary"):
                    self._temporary.delete(if_generation_match=closed.generation, retry=None)

    @contextmanager
    def _sending(self) -> Iterator[None]:
        try:
            with self._objects.explained():
                yield
        except ValueError:  # the service kept less of a piece than was sent, and Google's client cannot go back
            raise TransientError(f"the upload of {self._path} to {self._objects.url} lost bytes", _AGAIN) from None

    def _send_piece(self) -> None:
        if self._upload is None:
            self._upload = self._temporary.open(
                "wb", chunk_size=PIECE_BYTES, content_type=content_type(self._path), retry=self._objects.retry
            )
        self._upload.write(self._take(PIECE_BYTES))

    def _send_last(self) -> None:
        rest = self._take(len(self._buffer))
        if self._upload is None:
            self._temporary.upload_from_string(
                rest, content_type=content_type(self._path), checksum="crc32c", retry=self._objects.retry
            )
        else:
            self._upload.write(rest)
            self._upload.close()
            self._temporary.reload(retry=self._objects.retry)

    def _take(self, size: int) -> bytes:
        """The first bytes of the buffer, counted and summed."""
        piece = bytes(self._buffer[:size])
        del self._buffer[:size]
        self._checksum = google_crc32c.extend(self._checksum, piece)
        self._sent += len(piece)
        return piece

    def _copy_into_place(self, target: storage.Blob, generation: int) -> None:
        """Copy within the service, which for large objects can take several requests."""
        assert self._closed is not None  # noqa: S101
        target.content_type = content_type(self._path)  # a copy with a body of its own does not inherit it
        token: str | None = None
        while True:
            token, _, _ = target.rewrite(
                self._temporary,
                token=token,
                if_generation_match=generation,
                if_source_generation_match=self._closed.generation,
                retry=self._objects.retry,
            )
            if token is None:
                return


def content_type(path: str) -> str:
    """What a browser takes the object for."""
    return "application/json" if path.endswith(".json") else "text/csv"


def _forget(upload: BlobWriter) -> None:
    """Have the service drop an unfinished upload."""
    try:
        upload.terminate()
    finally:
        upload._buffer.close()  # else it would send the rest, and finish the upload, when Python forgets it
