"""Failpoints: a run's durable steps, by name, so that a test can kill or disturb a run at each of them.

A failpoint is an audit event of Python's own (PEP 578): without a hook, raising one costs less than a microsecond, and
nothing that disturbs a run is part of the program. Tests add the hook (`sys.addaudithook`) in the process they kill.
`ingestion`, which does not import `pipeline`, raises the same event.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

# Its arguments are the failpoint's name, and `before` or `after`.
EVENT = "tillroll.failpoint"


@contextmanager
def failpoint(name: str) -> Iterator[None]:
    """Say that the durable step `name` is about to happen, and, unless it fails, that it has happened."""
    reached(name, "before")
    yield
    reached(name, "after")


def reached(name: str, moment: Literal["before", "after"]) -> None:
    """The same, for a step whose beginning and end are told by somebody else."""
    sys.audit(EVENT, name, moment)
