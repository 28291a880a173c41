"""What the doctor finds."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found. `remedy` is empty where nothing is to do; `wrong_use`: the configuration is at fault."""

    check: str
    verdict: Verdict
    detail: str
    remedy: str = ""
    wrong_use: bool = False


# Verdict, detail, remedy: what one check yields.
Facts = Iterator[tuple[Verdict, str, str]]
