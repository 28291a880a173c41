"""Patience: alerting people takes seconds or is given up, whatever the work that it is about."""

from collections.abc import Callable
from threading import Thread
from typing import TypeVar

T = TypeVar("T")


def within(seconds: float, work: Callable[[], T]) -> T:
    """What `work` returns, or TimeoutError: a server that answers a byte at a time is under no other time limit."""
    done: list[T] = []
    raised: list[Exception] = []

    def attempt() -> None:
        try:
            done.append(work())
        except Exception as error:  # noqa: BLE001 - handed to the thread that waits
            raised.append(error)

    thread = Thread(target=attempt, name="alert", daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise TimeoutError(f"no answer within {seconds:.0f} s")
    for error in raised:
        raise error
    return done[0]
