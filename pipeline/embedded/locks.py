"""Who is still there: processes hold a shared lock on a file, and the system drops the locks of the dead.

A shared lock says "I use it"; whoever gets the exclusive one knows that nobody does.
"""

import fcntl
import os
import time
from pathlib import Path

POLL_SECONDS = 0.05


class UseLock:
    """One process's place on the lock file `path`, which is made on first use."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def use(self, timeout: float) -> bool:
        """Take the shared lock, waiting `timeout` seconds for an exclusive one to go. False where it does not."""
        return self._take(fcntl.LOCK_SH, timeout)

    def take_over(self, timeout: float = 0.0) -> bool:
        """Take the exclusive lock: true once nobody else uses it. New users then wait until it is released."""
        return self._take(fcntl.LOCK_EX, timeout)

    def release(self) -> None:
        """Let go; harmless where nothing is held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def is_used(self) -> bool:
        """Whether somebody else holds the shared lock: it can be shared, but not taken over."""
        probe = UseLock(self.path)
        try:
            return not probe.take_over() and probe.use(0)
        finally:
            probe.release()

    def _take(self, kind: int, timeout: float) -> bool:
        if self._descriptor is None:
            self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        deadline = time.monotonic() + timeout
        while True:
            try:
                fcntl.flock(self._descriptor, kind | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    return False
                time.sleep(POLL_SECONDS)
            else:
                return True
