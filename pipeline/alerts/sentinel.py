"""The sentinel: sees to it that every alert arrives, and looks for what nobody reports.

Two threads, so that a mail server that hangs does not keep anybody from looking, nor a look from sending. All they know
is in the outbox: the process may be killed at any time, and a second one does no harm.
"""

import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from typing import Any

from pipeline.alerts.attempts import Attempt, Attempts
from pipeline.alerts.channels import usable_channels
from pipeline.alerts.delivery import deliver
from pipeline.alerts.endpoint import Endpoint
from pipeline.alerts.failed_looks import note_failed_looks
from pipeline.alerts.liveness import SILENT_S, say_alive
from pipeline.alerts.masking import mask, secrets_of
from pipeline.alerts.outbox import Outbox
from pipeline.alerts.routing import Routing
from pipeline.alerts.routing_file import load_routing
from pipeline.alerts.waiting import waiting
from pipeline.errors import StepError
from pipeline.settings import Settings

DELIVER_EVERY_S = 2.0
LOOK_EVERY_S = 10.0
# It begins to send for so long, then says that it lives, and goes on: a message may take two minutes, and there may be
# many of them.
SENDING_S = 10.0
# A sentinel whose looks hang for longer is not said to live.
LONGEST_LOOK_S = 180.0

# What the outbox may take for an answer when somebody asks how the sentinel is.
ASKED_S = 1.0

# What it does besides its looks, by names that no look has.
LOOKING, DELIVERING, ENDPOINT, RULES = OWN = ("looking", "delivering", "health endpoint", "rules on alerts")

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
    channels = usable_channels(settings)
    attempts = Attempts(lambda text: mask(text, secrets_of(settings)))
    endpoint = Endpoint(settings, partial(_report, settings, attempts, datetime.now(UTC)))

    def delivering() -> None:
        deliver(Outbox.of(settings.data), channels, begin_by=time.monotonic() + SENDING_S)
        if attempts.succeeded_within(LOOKING, LONGEST_LOOK_S):
            say_alive(settings)

    def looking() -> None:
        # Read again each time: what people change there holds for the next alert.
        read = attempts.attempt(RULES, lambda: load_routing(settings, channels))
        outbox, routing = Outbox.of(settings.data), read or Routing.to(channels)
        for name, look in looks.items():
            attempts.attempt(name, lambda look=look: look(outbox, routing))  # type: ignore[misc]
        last = attempts.last()
        note_failed_looks(outbox, routing, {name: last[name].error for name in looks if last[name].error})

    def repeat(works: Mapping[str, Callable[[], None]], every_s: float) -> None:
        while not stop.is_set():
            for name, work in works.items():
                attempts.attempt(name, work)
            stop.wait(every_s)

    attempts.attempt(LOOKING, lambda: None)  # it has as long for its first look as for any
    thread = threading.Thread(target=repeat, args=[{LOOKING: looking}, look_every_s], name="looks")
    thread.start()
    repeat({ENDPOINT: endpoint.open, DELIVERING: delivering}, deliver_every_s)
    thread.join()
    endpoint.close()


def _report(settings: Settings, attempts: Attempts, since: datetime) -> tuple[bool, dict[str, Any]]:
    """What the sentinel answers when it is asked how it is."""
    looks = attempts.succeeded_within(LOOKING, LONGEST_LOOK_S)
    alive = looks and attempts.succeeded_within(DELIVERING, SILENT_S)
    document = {
        "alive": alive,
        "version": version("tillroll"),
        "since": since.isoformat(),
        "attempts": {name: _shown(attempt) for name, attempt in attempts.last().items()},
        "waiting": _waiting(settings),
    }
    return alive, document


def _shown(attempt: Attempt) -> dict[str, Any]:
    at = attempt.succeeded_at
    return {"succeeded_at": at and at.isoformat(), "error": attempt.error}


def _waiting(settings: Settings) -> dict[str, Any]:
    """The alerts that have not arrived everywhere; without the number where the outbox does not say."""
    try:
        found = waiting(Outbox.of(settings.data, ASKED_S))
    except StepError as error:
        return {"error": mask(str(error), secrets_of(settings))}
    return {"alerts": found.alerts, "since": found.since and found.since.isoformat()}
