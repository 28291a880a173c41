"""A reader: somebody who reads the marts all the time, and notes every state that was seen, and every error.

One kind opens the file again and again, as a query does; the other holds it open for some looks, as a dashboard does,
while it is replaced. Each is a process of its own, because DuckDB keeps one database a path and process.
"""

import json
import os
import select
from dataclasses import dataclass
from pathlib import Path

import duckdb
from place import digest_of_marts

_PAUSE_S = 0.25
_LOOKS_WHILE_HELD = 6


@dataclass(frozen=True)
class Seen:
    """The states, as digests of all marts together; how often it was looked; what went wrong."""

    states: frozenset[str]
    looks: int
    errors: tuple[str, ...]


class Reader:
    """A fork of this process, which must not have opened a connection yet."""

    def __init__(self, *, holds: bool) -> None:
        orders, self._orders = os.pipe()
        self._report, report = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(self._orders)
            _Life(orders, report).live(_LOOKS_WHILE_HELD if holds else 1)
        os.close(orders)
        os.close(report)

    def start(self, marts: Path) -> None:
        """Begin to read; returns when it was looked once."""
        os.write(self._orders, str(marts).encode())
        os.read(self._report, 1)

    def look_anew(self) -> None:
        """Return when what is there now was looked at, the file opened anew."""
        while select.select([self._report], [], [], 0)[0]:
            os.read(self._report, 1)
        for _ in range(_LOOKS_WHILE_HELD + 2):
            os.read(self._report, 1)

    def stop(self) -> Seen:
        os.write(self._orders, b"end")
        os.close(self._orders)
        with os.fdopen(self._report) as report:
            states, looks, errors = json.loads(report.read())
        os.waitpid(self._pid, 0)
        return Seen(frozenset(states), looks, tuple(errors))


class _Life:
    """What happens in the fork: it is told what to read, and then to end. Each look is a space in the report."""

    def __init__(self, orders: int, report: int) -> None:
        self._orders, self._report = orders, report
        self._states: set[str] = set()
        self._errors: list[str] = []
        self._looks = 0

    def live(self, looks_while_open: int) -> None:
        marts = Path(os.read(self._orders, 4096).decode())
        goes_on = True
        while goes_on:
            try:
                with duckdb.connect(marts, read_only=True) as connection:
                    for _ in range(looks_while_open):
                        self._states.add(digest_of_marts(connection))
                        if not (goes_on := self._goes_on()):
                            break
            except (duckdb.Error, OSError) as error:
                self._errors.append(str(error).splitlines()[0])
                goes_on = self._goes_on()
        os.write(self._report, json.dumps([sorted(self._states), self._looks, self._errors]).encode())
        os._exit(0)

    def _goes_on(self) -> bool:
        """Say that it was looked, and wait a little, or until it is told to end."""
        self._looks += 1
        os.write(self._report, b" ")
        return not select.select([self._orders], [], [], _PAUSE_S)[0]
