"""What every request passes before the emulator of BigQuery sees it.

- Its one DuckDB connection serves requests from several threads at once, which take each other's results, and get into
  each other's transactions. Here one request is served after the other.
- It answers 500 when it fails itself, which clients repeat for ten minutes. Here it says at once that it cannot.
- It lists the tables of a dataset that is not there as none, and fails at making one in it; BigQuery answers 404.
- Its numbers of a table's rows and bytes are those of its last load; here they are counted, in BigQuery's sizes.
"""

import asyncio
import json
import logging
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from bqemulator import server
from bqemulator.api.app import create_app
from fastapi import Request, Response
from fastapi.responses import JSONResponse

from emulators import bigquery_tables
from emulators.bigquery_answers import content, error
from emulators.bigquery_bytes import stored
from emulators.bigquery_jobs import Jobs

logger = logging.getLogger(__name__)

_PLACE = re.compile(
    r"/bigquery/v2/projects/(?P<project>[^/]+)/datasets/(?P<dataset>[^/]+)/tables(?:/(?P<table>[^/]+))?"
)

RESULTS = "_bqemu_anonymous"  # where the emulator keeps what queries give; its catalog does not have it

Next = Callable[[Request], Awaitable[Response]]


def correct(record: Path | None) -> None:
    """Put the corrections in place; before the emulator starts."""
    bigquery_tables.correct()

    def create(context: Any) -> Any:
        app = create_app(context)
        bigquery_tables.expire_by_default(context)
        app.middleware("http")(_Door(context, Jobs(context, record)))
        return app

    server.create_app = create


class _Door:
    def __init__(self, context: Any, jobs: Jobs) -> None:
        self._context = context
        self._jobs = jobs
        self._turn = asyncio.Lock()

    async def __call__(self, request: Request, pass_on: Next) -> Response:
        async with self._turn:
            bigquery_tables.drop_expired(self._context)
            try:
                return await self._answer(request, pass_on)
            except Exception as failure:  # whatever it is, its sender is to hear of it
                logger.exception("%s %s", request.method, request.url.path)
                return error(501, "notImplemented", f"the emulator failed: {type(failure).__name__}: {failure}")

    async def _answer(self, request: Request, pass_on: Next) -> Response:
        if (answer := await self._jobs.answer(request, pass_on)) is not None:
            return answer
        place = _PLACE.fullmatch(request.url.path)
        if place is None:
            return await pass_on(request)
        if place["dataset"] == RESULTS:
            return await pass_on(request)
        if self._context.catalog.get_dataset(place["project"], place["dataset"]) is None:
            return error(404, "notFound", f"Not found: Dataset {place['project']}:{place['dataset']}")
        if self._comes_too_late(request, place):
            return error(412, "conditionNotMet", "Precondition Failed")
        response = await pass_on(request)
        if request.method == "GET" and place["table"] and response.status_code == 200:
            return JSONResponse(self._counted(place, json.loads(await content(response))))
        return response

    def _comes_too_late(self, request: Request, place: re.Match[str]) -> bool:
        """Whether a change is meant for a table that has changed since its sender saw it."""
        seen = request.headers.get("If-Match")
        return seen is not None and bigquery_tables.has_changed(self._context, place, seen)

    def _counted(self, place: re.Match[str], table: dict[str, Any]) -> dict[str, Any]:
        meta = self._context.catalog.get_table(place["project"], place["dataset"], place["table"])
        if meta is None or meta.table_type != "TABLE":
            return table
        rows, size = stored(self._context.engine, meta)
        return table | {"numRows": str(rows), "numBytes": str(size)}
