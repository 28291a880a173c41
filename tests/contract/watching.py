"""A sentinel in a thread of the test's, in a hurry."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from pipeline.alerts.sentinel import Look, watch
from pipeline.settings import Settings

PATIENCE_S = 60.0


def wait_for(what: Callable[[], object]) -> None:
    """Until it is so."""
    deadline = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.05)


@contextmanager
def watched(settings: Settings, looks: Mapping[str, Look] | None = None) -> Iterator[None]:
    """A sentinel with these looks, for as long as the context lasts."""
    stop = threading.Event()
    quick = {"deliver_every_s": 0.05, "look_every_s": 0.05}
    thread = threading.Thread(target=watch, args=[settings, stop, looks or {}], kwargs=quick)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
