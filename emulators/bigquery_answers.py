"""The emulator's answers, read and written as BigQuery's."""

from typing import Any

from fastapi import Response
from fastapi.responses import JSONResponse


async def content(response: Response) -> bytes:
    """All of an answer that comes in parts."""
    return b"".join([part async for part in response.body_iterator])  # type: ignore[attr-defined]


def error(status: int, reason: str, message: str) -> Response:
    """A refusal, with BigQuery's name of the reason."""
    errors: list[dict[str, Any]] = [{"message": message, "domain": "global", "reason": reason}]
    return JSONResponse({"error": {"code": status, "message": message, "errors": errors}}, status)
