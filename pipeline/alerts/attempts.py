"""Attempts: what is done again and again, when each last succeeded, and what it died of if it did not."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from pipeline.errors import TillrollError

T = TypeVar("T")

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Attempt:
    """How something last went. `error` is empty where it succeeded; `succeeded_at` None where it never did."""

    succeeded_at: datetime | None
    error: str


class Attempts:
    """Logs what goes wrong each time it changes, and not each time it happens: it happens every few seconds.

    `hide` masks what is secret in an error. Several threads may use it at once.
    """

    def __init__(self, hide: Callable[[str], str]) -> None:
        self._hide = hide
        self._lock = threading.Lock()
        self._last: dict[str, Attempt] = {}
        self._clock: dict[str, float] = {}  # when each succeeded, by the clock that nobody sets

    def attempt(self, name: str, work: Callable[[], T]) -> T | None:
        """What `work` returns; None where it fails, and its error is logged unless it is the same as last time."""
        error, done = "", None
        try:
            done = work()
        except (TillrollError, OSError) as raised:
            error = self._hide(str(raised) or type(raised).__name__)
        except Exception as raised:  # noqa: BLE001 - a sentinel that ends because of one look watches nothing at all
            error = self._hide(f"{type(raised).__name__}: {raised}")
        self._remember(name, error)
        return done

    def succeeded_within(self, name: str, seconds: float) -> bool:
        """Whether it succeeded so lately."""
        with self._lock:
            return time.monotonic() - self._clock.get(name, float("-inf")) < seconds

    def last(self) -> dict[str, Attempt]:
        """How each last went, by name."""
        with self._lock:
            return dict(self._last)

    def _remember(self, name: str, error: str) -> None:
        with self._lock:
            known = self._last.get(name, Attempt(None, ""))
            self._last[name] = Attempt(known.succeeded_at if error else datetime.now(UTC), error)
            if not error:
                self._clock[name] = time.monotonic()
        if error and error != known.error:
            logger.error("%s: %s", name, error)
