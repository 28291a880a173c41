"""The sentinel: sees to it that every alert arrives, and looks for what nobody reports.

Two threads, so that a mail server that hangs does not keep anybody from looking, nor a look from sending. All they know
is in the outbox: the process may be killed at any time, and a second one does no harm.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import TypeVar

from pipeline.alerts.channels import usable_channels
from pipeline.alerts.delivery import deliver
from pipeline.alerts.liveness import say_alive
from pipeline.alerts.masking import mask
from pipeline.alerts.outbox import Outbox
from pipeline.alerts.routing import Routing
from pipeline.alerts.routing_file import load_routing
from pipeline.errors import TillrollError
from pipeline.settings import Settings

T = TypeVar("T")

logger = logging.getLogger(__name__)

DELIVER_EVERY_S = 2.0
LOOK_EVERY_S = 10.0
# A sentinel whose looks hang for longer is not said to live.
LONGEST_LOOK_S = 180.0

# One thing to look after. It records what it finds, for whom the routing names.
Look = Callable[[Outbox, Routing], None]


def watch(
    settings: Settings,
    stop: threading.Event,
    looks: Mapping[str, Look],
    *,
    deliver_every_s: float = DELIVER_EVERY_S,
    look_every_s: float = LOOK_EVERY_S,
) -> None:
    """Deliver what is due and look at everything, again and again, until `stop` is set."""

    channels, looked = usable_channels(settings), [time.monotonic()]

    def delivering() -> None:
        deliver(Outbox.of(settings.data), channels)
        if time.monotonic() - looked[0] < LONGEST_LOOK_S:
            say_alive(settings)

    def looking() -> None:
        # Read again each time: what people change there holds for the next alert.
        read = said.attempt("who hears of what", lambda: load_routing(settings, channels))
        outbox, routing = Outbox.of(settings.data), read or Routing.to(channels)
        for name, look in looks.items():
            said.attempt(name, lambda look=look: look(outbox, routing))  # type: ignore[misc]
        looked[0] = time.monotonic()

    said = _Said()
    thread = threading.Thread(target=_repeat, args=[looking, look_every_s, stop, said, "looking"], name="looks")
    thread.start()
    _repeat(delivering, deliver_every_s, stop, said, "delivering")
    thread.join()


class _Said:
    """Logs what goes wrong each time it changes, and not each time it happens: it happens every few seconds."""

    def __init__(self) -> None:
        self._last: dict[str, str] = {}

    def attempt(self, name: str, work: Callable[[], T]) -> T | None:
        """What `work` returns; None where it fails, and its error is logged unless it is the same as last time."""
        said, done = "", None
        try:
            done = work()
        except (TillrollError, OSError) as error:
            said = mask(str(error))
        except Exception as error:  # noqa: BLE001 - a sentinel that ends because of one look watches nothing at all
            said = mask(f"{type(error).__name__}: {error}")
        if said and said != self._last.get(name):
            logger.error("%s: %s", name, said)
        self._last[name] = said
        return done


def _repeat(work: Callable[[], None], every_s: float, stop: threading.Event, said: _Said, name: str) -> None:
    while not stop.is_set():
        said.attempt(name, work)
        stop.wait(every_s)
