"""The heartbeat: tells somebody outside, every minute, that the sentinel lives. They notice when it stops.

A dead-man's switch: healthchecks.io, Cronitor and the like give such a URL, and alert by themselves when nobody has
asked for it for some minutes. It covers what no program on this machine can: that the machine is gone, or that
whoever sends the alerts stands still.
"""

import time

import httpx

from pipeline.alerts.liveness import lives
from pipeline.alerts.outbox import Outbox
from pipeline.alerts.routing import Routing
from pipeline.errors import TransientError
from pipeline.settings import Settings

EVERY_S = 60.0
PATIENCE_S = 10.0


class Heartbeat:
    """Asks for TILLROLL_HEARTBEAT_URL once a minute, however often it is called, while the sentinel delivers."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._url = settings.heartbeat_url.get_secret_value() if settings.heartbeat_url else None
        self._last = float("-inf")

    def __call__(self, outbox: Outbox, routing: Routing) -> None:
        """Raises TransientError: nobody answers there, or with an error. The URL, which is a secret, is not shown."""
        if self._url is None or time.monotonic() - self._last < EVERY_S or not lives(self._settings):
            return
        try:
            answer = httpx.get(self._url, timeout=PATIENCE_S)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise _unheard(type(error).__name__) from None
        if not answer.is_success:
            raise _unheard(f"HTTP {answer.status_code}")
        self._last = time.monotonic()


def _unheard(reason: str) -> TransientError:
    return TransientError(f"nobody outside takes the heartbeat: {reason}", "Look at TILLROLL_HEARTBEAT_URL.")
