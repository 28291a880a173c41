"""Jobs, as BigQuery keeps them. What is corrected, at the door of the emulator:

- It takes a job id twice and runs the job twice; BigQuery answers 409, reason `duplicate`.
- It forgets labels and the other settings of a query's job once it is done; BigQuery returns them as they were sent.
- It says `US` for every job's location; BigQuery says where the job ran.
- Its one DuckDB connection serves requests from several threads at once, which take each other's results, and get into
  each other's transactions. Here one request is served after the other.

Every statement that arrives can be recorded, so that a test can hold it to Google's own grammar.
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from bqemulator import server
from bqemulator.api.app import create_app
from fastapi import Request, Response
from fastapi.responses import JSONResponse

from emulators import bigquery_tables

DEFAULT_LOCATION = "US"
_JOBS = re.compile(r"/bigquery/v2/projects/(?P<project>[^/]+)/(?P<kind>jobs|queries)")
_TABLE = re.compile(r"/bigquery/v2/projects/(?P<project>[^/]+)/datasets/(?P<dataset>[^/]+)/tables/(?P<table>[^/]+)")
_JOB = re.compile(r"/bigquery/v2/projects/(?P<project>[^/]+)/jobs/(?P<job>[^/]+)")

Next = Callable[[Request], Awaitable[Response]]


def correct(record: Path | None) -> None:
    """Put the corrections in place; before the emulator starts."""
    bigquery_tables.correct()

    def create(context: Any) -> Any:
        app = create_app(context)
        app.middleware("http")(_Door(context, record))
        return app

    server.create_app = create


class _Door:
    """What every request passes before the emulator sees it."""

    def __init__(self, context: Any, record: Path | None) -> None:
        self._context = context
        self._record = record
        self._turn = asyncio.Lock()
        self._jobs: dict[tuple[str, str], dict[str, Any]] = {}

    async def __call__(self, request: Request, pass_on: Next) -> Response:
        async with self._turn:
            bigquery_tables.drop_expired(self._context)
            if self._comes_too_late(request):
                return _error(412, "conditionNotMet", "Precondition Failed")
            if request.method == "POST" and (match := _JOBS.fullmatch(request.url.path)):
                return await self._insert(match["project"], match["kind"], request, pass_on)
            if request.method == "GET" and (match := _JOB.fullmatch(request.url.path)):
                job = self._jobs.get((match["project"], match["job"]))
                return JSONResponse(job) if job else await pass_on(request)
            return await pass_on(request)

    def _comes_too_late(self, request: Request) -> bool:
        """Whether a change is meant for a table that has changed since its sender saw it."""
        match, seen = _TABLE.fullmatch(request.url.path), request.headers.get("If-Match")
        return match is not None and seen is not None and bigquery_tables.has_changed(self._context, match, seen)

    async def _insert(self, project: str, kind: str, request: Request, pass_on: Next) -> Response:
        body = await request.json()
        self._keep_statement(project, body, body.get("configuration", {}) if kind == "jobs" else {"query": body} | body)
        reference = body.get("jobReference") or {}
        job_id, location = reference.get("jobId"), reference.get("location") or DEFAULT_LOCATION
        if job_id and self._context.catalog.get_job(project, job_id):
            return _error(409, "duplicate", f"Already Exists: Job {project}:{location}.{job_id}")
        response = await pass_on(request)
        if kind != "jobs" or response.status_code != 200:
            return response
        return JSONResponse(self._kept(project, location, body, json.loads(await _content(response))))

    def _kept(self, project: str, location: str, sent: dict[str, Any], job: dict[str, Any]) -> dict[str, Any]:
        reference = job["jobReference"]
        reference["location"] = location
        job["id"] = f"{project}:{location}.{reference['jobId']}"
        job["configuration"] = _merged(sent["configuration"], job["configuration"])
        self._jobs[project, reference["jobId"]] = job
        return job

    def _keep_statement(self, project: str, body: dict[str, Any], configuration: dict[str, Any]) -> None:
        query = configuration.get("query")
        if self._record is None or not query:
            return
        line = {
            "project": project,
            "statement": query.get("query"),
            "default_dataset": (query.get("defaultDataset") or {}).get("datasetId"),
            "dry_run": bool(configuration.get("dryRun")),
            "labels": configuration.get("labels") or {},
            "job_id": (body.get("jobReference") or {}).get("jobId"),
            "maximum_bytes_billed": query.get("maximumBytesBilled"),
        }
        with self._record.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


def _merged(sent: dict[str, Any], kept: dict[str, Any]) -> dict[str, Any]:
    """What the emulator knows of a configuration, and what was sent, which counts."""
    merged = dict(kept)
    for name, setting in sent.items():
        both = isinstance(setting, dict) and isinstance(kept.get(name), dict)
        merged[name] = _merged(setting, kept[name]) if both else setting
    return merged


async def _content(response: Response) -> bytes:
    return b"".join([part async for part in response.body_iterator])  # type: ignore[attr-defined]


def _error(status: int, reason: str, message: str) -> Response:
    errors = [{"message": message, "domain": "global", "reason": reason}]
    return JSONResponse({"error": {"code": status, "message": message, "errors": errors}}, status)
