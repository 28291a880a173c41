"""The sentinel: a small process that sees to it that every alert in the outbox arrives.

    python -m pipeline.alerts.sentinel

Callbacks try to send at once; what a mail server did not take then, or what a killed process left, goes out from here.
All it knows is in the outbox, so it may be killed at any time, and a second one does no harm.
"""

import logging
import os
import signal
import threading

from pipeline.alerts.channels import channels_of
from pipeline.alerts.delivery import deliver
from pipeline.alerts.liveness import say_alive
from pipeline.alerts.outbox import Outbox
from pipeline.embedded.keeper import die_with_parent
from pipeline.errors import TillrollError
from pipeline.settings import Settings

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 2.0


def watch(settings: Settings, stop: threading.Event, *, look_every_s: float = LOOK_EVERY_S) -> None:
    """Deliver what is due, again and again, until `stop` is set. What goes wrong is logged, and tried again."""
    while not stop.is_set():
        try:
            deliver(Outbox.of(settings.data), channels_of(settings))
            say_alive(settings)
        except (TillrollError, OSError) as error:
            logger.error("%s", error)
        stop.wait(look_every_s)


def main() -> None:
    """Watch until the process is told to stop."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    die_with_parent(signal.SIGTERM, os.getppid())
    settings = Settings.load()
    logger.info("watching the outbox in %s", settings.data / "alerts")
    watch(settings, stop)


if __name__ == "__main__":
    main()
