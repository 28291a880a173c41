"""Objects of a bucket, each replaced only as it was when this step first saw its folder.

Two writers of one day would otherwise each replace some of its objects, and the manifest of one would name objects of
the other. Cloud Storage gives every version of an object a generation, and refuses to replace or remove an object whose
generation is not the one that a request names. So a folder is listed once, when something in it is first read or begun;
from then on what another writer changes there is an error, and the step is run again from what there is by then.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from threading import Lock

from google.api_core.exceptions import NotFound, PreconditionFailed
from google.api_core.retry import Retry
from google.cloud import storage

from pipeline import checksum
from pipeline.errors import TransientError
from pipeline.google_errors import explained
from pipeline.google_resources import bucket as bucket_resource


@dataclass(frozen=True, slots=True)
class Content:
    """What an object holds. `crc32c` is 8 hex digits."""

    bytes: int
    crc32c: str


@dataclass(frozen=True, slots=True)
class Version:
    """One of the contents that an object has had."""

    generation: int
    content: Content

    @classmethod
    def of(cls, blob: storage.Blob) -> "Version":
        """What the service said last of a handle's object."""
        return cls(int(blob.generation), Content(int(blob.size), checksum.of_base64(blob.crc32c)))


class Objects:
    """The objects below `gs://bucket/prefix`, by their paths there. Any thread may use it.

    `retry` is for requests that may arrive twice. All do: each names a generation, or a name that nobody else uses.
    """

    def __init__(self, client: storage.Client, bucket: str, prefix: str, retry: Retry) -> None:
        self.url = f"gs://{bucket}/{prefix}".rstrip("/")
        self.retry = retry
        self._bucket, self._prefix = client.bucket(bucket), f"{prefix}/" if prefix else ""
        self._resource = bucket_resource(bucket)
        self._folders: dict[str, dict[str, Version]] = {}
        self._lock = Lock()

    def explained(self) -> AbstractContextManager[None]:
        """Turn what Google's client raises meanwhile into errors that name the bucket."""
        return explained(self._resource)

    def blob(self, path: str) -> storage.Blob:
        """Google's handle of an object, be it there or not."""
        return self._bucket.blob(self._prefix + path)

    def entries(self, folder: str) -> tuple[list[storage.Blob], list[str]]:
        """The objects directly in a folder, and the names of the folders there, as they are now."""
        prefix = f"{self._prefix}{folder}/" if folder else self._prefix
        listing = self._bucket.list_blobs(prefix=prefix, delimiter="/", retry=self.retry)
        blobs = list(listing)
        return blobs, sorted(name[len(prefix) : -1] for name in listing.prefixes)

    def seen(self, path: str) -> Version | None:
        """The object as it was when its folder was first looked into, or as it was written here since."""
        with self._lock:
            return self._look(path).get(path)

    def replace(self, path: str, content: Content, send: Callable[[storage.Blob, int], None]) -> None:
        """Have `send` put `content` under `path`, given its handle and the generation that is to be replaced.

        Raises:
            TransientError: another writer was faster.
        """
        seen, blob = self.seen(path), self.blob(path)
        try:
            send(blob, seen.generation if seen else 0)
        except PreconditionFailed:
            # The answer to a request that succeeded can be lost: the same request, tried again, is then refused.
            blob = self._bucket.get_blob(blob.name, retry=self.retry)
            if blob is None or Version.of(blob).content != content:
                raise self.changed(path) from None
        self._remember(path, Version.of(blob))

    def delete(self, path: str) -> None:
        """Remove an object as it was seen.

        Raises:
            TransientError: another writer replaced it.
        """
        seen = self.seen(path)
        if seen is None:
            return
        try:
            self.blob(path).delete(if_generation_match=seen.generation, retry=self.retry)
        except NotFound:
            pass
        except PreconditionFailed:
            if self._bucket.get_blob(self._prefix + path, retry=self.retry):
                raise self.changed(path) from None
        self._remember(path, None)

    def changed(self, path: str) -> TransientError:
        """The error of an object that is not what was seen any more."""
        return TransientError(
            f"{self.url}/{path} was replaced by another writer while this step ran",
            "Run the step again: it begins with what the lake holds by then. Nothing was published.",
        )

    def _look(self, path: str) -> dict[str, Version]:
        """What was seen of the folder of `path`; under the lock."""
        folder = path.rpartition("/")[0]
        if folder not in self._folders:
            blobs, _ = self.entries(folder)
            self._folders[folder] = {blob.name.removeprefix(self._prefix): Version.of(blob) for blob in blobs}
        return self._folders[folder]

    def _remember(self, path: str, version: Version | None) -> None:
        with self._lock:
            folder = self._look(path)
            if version:
                folder[path] = version
            else:
                folder.pop(path, None)
