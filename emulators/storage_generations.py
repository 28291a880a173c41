"""Preconditions and resent chunks, as Cloud Storage has them.

gcp-storage-emulator ignores every precondition, and refuses a chunk of an upload that it already has. Cloud Storage
answers 412 where an object's generation is not the one that a request names (0: no object), and passes over bytes
that it has. https://cloud.google.com/storage/docs/request-preconditions
"""

from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus
from threading import RLock
from typing import Any

from gcp_storage_emulator import server, storage
from gcp_storage_emulator.exceptions import NotFound
from gcp_storage_emulator.handlers import objects

Handler = Callable[..., None]
# The bucket and the name of the object that a request would change or read.
Target = Callable[[Any, Any], tuple[str, str]]

_CONDITIONS = {
    "ifGenerationMatch": "generation",
    "ifMetagenerationMatch": "metageneration",
    "ifSourceGenerationMatch": "generation",
    "ifSourceMetagenerationMatch": "metageneration",
}
_MESSAGE = "At least one of the pre-conditions you specified did not hold."
# One request at a time: between the look at a generation and the change nothing else may happen.
LOCK = RLock()


def correct() -> None:
    """Replace the handlers of requests that can have a precondition."""
    targets: Mapping[Handler, Target] = {
        objects.insert: _uploaded,
        objects.upload_partial: _continued,
        objects.rewrite: _copied,
        objects.copy: _copied,
        objects.get: _named,
        objects.download: _named,
        objects.delete: _named,
        objects.patch: _named,
    }
    for _, handlers in server.HANDLERS:
        for method, handler in handlers.items():
            if handler in targets:
                handlers[method] = partial(_guarded, handler, targets[handler])
    storage.Storage.add_to_resumable_upload = _passing_over(storage.Storage.add_to_resumable_upload)


def _guarded(handler: Handler, target: Target, request: Any, response: Any, kept: Any) -> None:
    _ = request.data  # read whatever the answer is, or the client sees a broken connection
    with LOCK:
        if all(
            _holds(request, condition, kept, _named if "Source" in condition else target) for condition in _CONDITIONS
        ):
            handler(request, response, kept)
            return
    response.status = HTTPStatus.PRECONDITION_FAILED
    error = {"message": _MESSAGE, "domain": "global", "reason": "conditionNotMet", "location": "If-Match"}
    response.json({"error": {"code": 412, "message": _MESSAGE, "errors": [error]}})


def _holds(request: Any, condition: str, kept: Any, target: Target) -> bool:
    wanted = request.query.get(condition)
    if not wanted:
        return True
    try:
        found = kept.get_file_obj(*target(request, kept))[_CONDITIONS[condition]]
    except NotFound:
        # What reads or removes an object that is not there is told so by its handler.
        return wanted == ["0"] or target is _named
    return bool(wanted == [str(found)])


def _named(request: Any, _: Any) -> tuple[str, str]:
    return request.params["bucket_name"], request.params["object_id"]


def _copied(request: Any, _: Any) -> tuple[str, str]:
    return request.params["dest_bucket_name"], request.params["dest_object_id"]


def _uploaded(request: Any, _: Any) -> tuple[str, str]:
    named = request.query.get("name")
    data = request.data or {}
    return request.params["bucket_name"], named[0] if named else data.get("meta", data)["name"]


def _continued(request: Any, kept: Any) -> tuple[str, str]:
    """The address of an upload carries the preconditions it was begun with."""
    begun = kept.get_resumable_file_obj(request.query["upload_id"][0])
    return begun["bucket"], begun["name"]


def _passing_over(add: Callable[..., bytes | None]) -> Callable[..., bytes | None]:
    """Let a chunk begin before what the upload has already."""

    def added(kept: Any, upload: str, content: bytes, **more: Any) -> bytes | None:
        start, there = more.get("expected_start"), kept.get_resumable_byte_count(upload)
        if start is not None and start < there:
            content, more = content[there - start :], more | {"expected_start": there}
        return add(kept, upload, content, **more)

    return added
