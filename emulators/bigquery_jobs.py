"""Jobs, as BigQuery keeps them.

- bqemulator takes a job id twice and runs the job twice; BigQuery answers 409, reason `duplicate`.
- It forgets labels and the other settings of a query's job once it is done; BigQuery returns them as they were sent.
- It says `US` for every job's location, and finds it anywhere; BigQuery says where it ran, and finds it there only.
- It reads datasets wherever they are; a job of BigQuery's finds those of its own location only.
- It keeps every result in memory for ever; here those of the last jobs. BigQuery keeps them for a day.
- It says 0 for the bytes that a query scans, and does not know maximumBytesBilled. Here a dry run, and a query with a
  maximum, has its bytes counted.

Every statement that arrives can be recorded, so that a test can hold it to Google's own grammar.
"""

import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from bqemulator.api.routes import jobs
from bqemulator.jobs import executor
from fastapi import Request, Response
from fastapi.responses import JSONResponse

from emulators.bigquery_answers import content, error
from emulators.bigquery_bytes import TooManyBytesError, check, scanned
from emulators.bigquery_places import elsewhere, location_of

RESULTS_KEPT = 200
_JOBS = re.compile(r"/bigquery/v2/projects/(?P<project>[^/]+)/(?P<kind>jobs|queries)")
_JOB = re.compile(r"/bigquery/v2/projects/(?P<project>[^/]+)/jobs/(?P<job>[^/]+)")

Next = Callable[[Request], Awaitable[Response]]
Json = dict[str, Any]


class Jobs:
    """The jobs of one emulator, as their senders see them."""

    def __init__(self, context: Any, record: Path | None) -> None:
        self._context = context
        self._record = record
        self._kept: dict[tuple[str, str], Json] = {}

    async def answer(self, request: Request, pass_on: Next) -> Response | None:
        """The answer to a request for jobs; None to any other."""
        if request.method == "POST" and (match := _JOBS.fullmatch(request.url.path)):
            return await self._insert(match["project"], match["kind"], request, pass_on)
        if request.method == "GET" and (match := _JOB.fullmatch(request.url.path)):
            return await self._get(match["project"], match["job"], request, pass_on)
        return None

    async def _get(self, project: str, job_id: str, request: Request, pass_on: Next) -> Response:
        job = self._kept.get((project, job_id))
        if job is None:
            return await pass_on(request)
        asked = request.query_params.get("location")
        if asked and asked.lower() != job["jobReference"]["location"].lower():
            return error(404, "notFound", f"Not found: Job {project}:{job_id}")
        return JSONResponse(job)

    async def _insert(self, project: str, kind: str, request: Request, pass_on: Next) -> Response:
        body = await request.json()
        sent = body.get("configuration", {}) if kind == "jobs" else body | {"query": body}
        self._keep_statement(project, body, sent)
        reference = (body.get("jobReference") or {}) | ({"location": body["location"]} if "location" in body else {})
        location = reference.get("location") or location_of(self._context, project, sent)
        job_id = reference.get("jobId")
        if job_id and ((project, job_id) in self._kept or self._context.catalog.get_job(project, job_id)):
            return error(409, "duplicate", f"Already Exists: Job {project}:{location}.{job_id}")
        if stray := elsewhere(self._context, project, sent, location):
            message = f"Not found: Dataset {stray} was not found in location {location}"
            return self._failed(project, job_id, kind, location, sent, "notFound", message)
        size = scanned(self._context, project, sent)
        try:
            check(sent, size)
        except TooManyBytesError as refusal:
            return self._failed(project, job_id, kind, location, sent, "bytesBilledLimitExceeded", str(refusal))
        response = await pass_on(request)
        _forget_old_results()
        if kind != "jobs" or response.status_code != 200:
            return response
        return self._keep(project, location, sent, size, json.loads(await content(response)))

    def _failed(
        self, project: str, job_id: str | None, kind: str, location: str, sent: Json, reason: str, message: str
    ) -> Response:
        if kind == "queries" or job_id is None:
            return error(404 if reason == "notFound" else 400, reason, message)
        now, what = self._context.clock.now(), "LOAD" if "load" in sent else "QUERY"
        meta = jobs._failed_job_meta(project, job_id, what, sent, {"reason": reason, "message": message}, now)
        self._context.catalog.upsert_job(meta)
        return self._keep(project, location, sent, 0, jobs._build_job_response(project, job_id, meta, sent))

    def _keep(self, project: str, location: str, sent: Json, size: int, job: Json) -> Response:
        reference = job["jobReference"]
        reference["location"] = location
        job["id"] = f"{project}:{location}.{reference['jobId']}"
        job["configuration"] = _merged(sent, job["configuration"])
        statistics = job["statistics"]
        if "query" in statistics:
            statistics["totalBytesProcessed"] = statistics["query"]["totalBytesProcessed"] = str(size)
            statistics["query"]["totalBytesBilled"] = "0" if sent.get("dryRun") else str(size)
        for failure in [job["status"].get("errorResult"), *job["status"].get("errors", [])]:
            if failure:
                failure["message"] = _placed(failure["message"], location)
        if not sent.get("dryRun"):
            self._kept[project, reference["jobId"]] = job
        return JSONResponse(job)

    def _keep_statement(self, project: str, body: Json, configuration: Json) -> None:
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


def _forget_old_results() -> None:
    for results in (executor.JOB_RESULTS, executor.JOB_SCHEMAS):
        for job_id in list(results)[:-RESULTS_KEPT]:
            del results[job_id]


def _placed(message: str, location: str) -> str:
    """A message of what is not there, with the location in which it is not."""
    named = re.sub(r"(Not found: Table [^.:]+)\.", r"\1:", message)
    return named.replace("in location US", f"in location {location}")


def _merged(sent: Json, kept: Json) -> Json:
    """What the emulator knows of a configuration, and what was sent, which counts."""
    merged = dict(kept)
    for name, setting in sent.items():
        both = isinstance(setting, dict) and isinstance(kept.get(name), dict)
        merged[name] = _merged(setting, kept[name]) if both else setting
    return merged
