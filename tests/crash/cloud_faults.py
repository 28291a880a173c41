"""What can befall a request on its way to Google, and the kinds of requests that a run sends."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from random import Random

from between import Fault, refusal

# An answer that comes after the client has waited long enough (see `cloud_runs`), both in seconds.
LATE_S, ENOUGH_S = 2.5, 2.0

STORAGE: Mapping[str, str] = {
    "storage: list": r"^GET /storage/v1/b/[^/]+/o\?",
    "storage: read": r"^GET .*alt=media",
    "storage: look": r"^GET /storage/v1/b/[^/]+/o/[^?]+\?(?!.*alt=media)",
    "storage: write": r"^POST /upload/storage/.*uploadType=multipart",
    "storage: begin upload": r"^POST /upload/storage/.*uploadType=resumable",
    "storage: piece": r"^PUT /upload/storage/|^PUT /resumable/upload/storage/",
    "storage: copy": r"^POST /storage/.*/rewriteTo/",
    "storage: delete": r"^DELETE /storage/",
}
BIGQUERY: Mapping[str, str] = {
    "bigquery: look at dataset": r"^GET .*/datasets/\w+\?",
    "bigquery: make dataset": r"^POST .*/datasets\?",
    "bigquery: list tables": r"^GET .*/tables\?",
    "bigquery: look at table": r"^GET .*/tables/\w+\?",
    "bigquery: make table": r"^POST .*/tables\?",
    "bigquery: change table": r"^PATCH .*/tables/",
    "bigquery: drop table": r"^DELETE .*/tables/",
    "bigquery: read rows": r"^GET .*/tables/\w+/data\?",
    "bigquery: begin job": r"^POST /bigquery/.*/jobs\?",
    "bigquery: begin load of rows": r"^POST /upload/bigquery/",
    "bigquery: look at job": r"^GET .*/jobs/",
    "bigquery: list jobs": r"^GET .*/jobs\?",
    "bigquery: results": r"^GET .*/queries/",
}
KINDS = {**STORAGE, **BIGQUERY}
# After one of these, whose answer was not heard, a run asks for the job.
BEGINS_JOB, LOOKS_AT_JOB = ("bigquery: begin job", "bigquery: begin load of rows"), "bigquery: look at job"
UNHEARD = ("reset before the answer", "torn answer")

_SOON = {"Retry-After": "1"}
FAULTS: Mapping[str, Callable[..., Fault]] = {
    "429": partial(Fault, answer=refusal(429, "rateLimitExceeded", "Slow down.")),
    "429, Retry-After": partial(Fault, answer=refusal(429, "rateLimitExceeded", "Slow down."), headers=_SOON),
    "500": partial(Fault, answer=refusal(500, "backendError", "Something went wrong.")),
    "503": partial(Fault, answer=refusal(503, "backendError", "We are busy.")),
    "503, Retry-After": partial(Fault, answer=refusal(503, "backendError", "We are busy."), headers=_SOON),
    "reset in the request": partial(Fault, cut=True),
    "reset before the answer": partial(Fault, lose=True),
    "torn answer": partial(Fault, tear=True),
    "answer too late": partial(Fault, late_s=LATE_S),
}


def kind_of(line: str) -> str:
    """What kind of request a line (`PUT /path?query`) is."""
    return next((name for name, pattern in KINDS.items() if re.search(pattern, line)), f"unknown: {line}")


def counted(lines: Iterable[str]) -> Counter[str]:
    """How many requests of each kind were sent."""
    return Counter(map(kind_of, lines))


def planned(kind: str, fault: str, of: int, choose: Random) -> Fault:
    """A fault for one of `of` requests of a kind, and now and then for the next ones too."""
    times = 1 if fault == "answer too late" else choose.choice((1, 1, 2, 3))
    return FAULTS[fault](KINDS[kind], skip=choose.randrange(of), times=times)
