"""Requests and answers of the storage emulator, as Cloud Storage has them.

- gcp-storage-emulator reads names in an upload as ASCII, and puts them into addresses as they are, so that what has
  other characters is not found; names are UTF-8, and quoted in an address.
- It does not look at the crc32c that a client sends with the last piece of an upload; Cloud Storage refuses another.
- It ignores the `generation` that a request asks for, and the size of a page of a list.
- A download does not say of which generation it is, and one from behind the end succeeds.
- It says 404 and nothing more; Cloud Storage says what was not found.
- Generations follow the clock, also backwards; here they only grow. A new object's metageneration is 1.
- It writes its whole list of objects at every change; here at most once a second, and when it ends.
"""

import json
import time
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote

from gcp_storage_emulator import server, storage
from gcp_storage_emulator.exceptions import NotFound
from gcp_storage_emulator.handlers import objects

from emulators.storage_generations import LOCK

Handler = Callable[..., None]
Json = dict[str, Any]

_NAMING = (objects.get, objects.download, objects.delete, objects.patch)
_read_data = server._read_data
_make = objects._make_object_resource
_changed: set[int] = set()


def correct() -> None:
    """Put the corrections in place; before the emulator starts, and after preconditions are."""
    objects.time = _Growing
    objects._make_object_resource = _new
    server._read_data = _data
    storage.Storage._write_config_to_file = lambda kept: _changed.add(id(kept))
    for _, handlers in server.HANDLERS:
        for method, handler in handlers.items():
            handlers[method] = partial(_served, handler)


def keep(kept: Any, folder: Path) -> None:
    """Write the list of objects, if it has changed; whole or not at all."""
    with LOCK:
        if id(kept) not in _changed:
            return
        _changed.discard(id(kept))
        names = ("buckets", "objects", "resumable", "bucket_iam_policies", "soft_deleted")
        text = json.dumps({name: getattr(kept, name) for name in names})
    half = folder / ".meta.new"
    half.write_text(text, "utf-8")
    half.rename(folder / ".meta")


class _Growing:
    """A clock for generations."""

    _last = 0

    @classmethod
    def time_ns(cls) -> int:
        cls._last = max(cls._last + 1, time.time_ns())
        return cls._last


def _new(base_url: str, bucket: str, name: str, *arguments: Any, **more: Any) -> Json:
    made: Json = _make(base_url, bucket, name, *arguments, **more)
    place = f"storage/v1/b/{bucket}/o/{quote(name, safe='')}"
    link = f"{base_url}/download/{place}?generation={made['generation']}&alt=media"
    return made | {"metageneration": "1", "selfLink": f"{base_url}/{place}", "mediaLink": link}


def _served(handler: Handler, request: Any, response: Any, kept: Any) -> None:
    _ = request.data  # read whatever the answer is, or the client sees a broken connection
    inner = getattr(handler, "args", (handler,))[0]
    with LOCK:
        if inner in _NAMING and not _is_wanted(request, kept):
            response.status = HTTPStatus.NOT_FOUND
        elif inner in (objects.download, objects.get) and _is_behind_the_end(request, kept):
            response.status = HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
        else:
            if inner is objects.upload_partial:
                _expect(request, kept)
            handler(request, response, kept)
        if inner is objects.ls and response.status == HTTPStatus.OK:
            _page(request, response)
        elif inner in (objects.download, objects.get) and response.status.value < HTTPStatus.BAD_REQUEST:
            _say_generation(request, response, kept)
    if response.status == HTTPStatus.NOT_FOUND and not response._content:
        _explain(request, response, kept)


def _data(handler: Any, query: Json) -> Any:
    kind = handler.headers.get("Content-Type") or ""
    if not kind.startswith("multipart/related"):
        return _read_data(handler, query)
    boundary = kind.partition("boundary=")[2].split(";")[0].strip().strip("'\"")
    body = server._read_raw_data(handler)
    _, meta, content, _ = (b"\r\n" + body).split(b"\r\n--" + boundary.encode(), maxsplit=3)
    header, _, content = content.removeprefix(b"\r\n").partition(b"\r\n\r\n")
    kinds = [line.partition(b":")[2].strip() for line in header.split(b"\r\n") if line[:12].lower() == b"content-type"]
    return {
        "meta": json.loads(meta.partition(b"\r\n\r\n")[2]),
        "content": content,
        "content-type": kinds[0].decode() if kinds else "application/octet-stream",
    }


def _found(request: Any, kept: Any) -> Json | None:
    try:
        found: Json = kept.get_file_obj(request.params["bucket_name"], request.params["object_id"])
    except (NotFound, KeyError):
        return None
    return found


def _is_wanted(request: Any, kept: Any) -> bool:
    """Whether the object there is of the generation asked for."""
    wanted, found = request.query.get("generation"), _found(request, kept)
    return not wanted or "softDeleted" in request.query or (found is not None and wanted == [str(found["generation"])])


def _is_behind_the_end(request: Any, kept: Any) -> bool:
    first = (request.get_header("range") or "").removeprefix("bytes=").partition("-")[0]
    found = _found(request, kept)
    return first.isdecimal() and found is not None and int(first) >= int(found["size"])


def _expect(request: Any, kept: Any) -> None:
    """Hold an upload to the checksum that its last piece brings."""
    upload = kept.resumable.get(request.query["upload_id"][0])
    for part in (request.get_header("x-goog-hash") or "").split(","):
        name, _, checksum = part.strip().partition("=")
        if upload is not None and name == "crc32c":
            upload["crc32c"] = checksum


def _page(request: Any, response: Any) -> None:
    listed = json.loads(response._content)
    most = int(request.query.get("maxResults", ["1000"])[0])
    first = int(request.query.get("pageToken", ["0"])[0])
    items = listed["items"]
    listed["items"] = items[first : first + most]
    if first + most < len(items):
        listed["nextPageToken"] = str(first + most)
    response.json(listed)


def _say_generation(request: Any, response: Any, kept: Any) -> None:
    if (found := _found(request, kept)) is not None:
        response["X-Goog-Generation"] = str(found["generation"])
        response["X-Goog-Metageneration"] = str(found["metageneration"])
        response["X-Goog-Storage-Class"] = str(found["storageClass"])


def _explain(request: Any, response: Any, kept: Any) -> None:
    bucket, name = request.params.get("bucket_name"), request.params.get("object_id")
    if bucket in kept.buckets and name:
        message = f"No such object: {bucket}/{name}"
    else:
        message = "The specified bucket does not exist."
    error = {"message": message, "domain": "global", "reason": "notFound"}
    response.json({"error": {"code": 404, "message": message, "errors": [error]}})
