"""Who holds a lock: written into the lock, so that the next one can name the holder, and see whether it still lives.

A process that was killed cannot give its lock back. On the machine where it ran that shows at once; anywhere else its
lease must run out first.
"""

import hashlib
import os
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

_PROCESSES = Path("/proc")


@dataclass(frozen=True, slots=True)
class Holder:
    """One process that holds a lock, or wants it, once.

    `machine` is the same for processes that see one another, and empty where that cannot be known (no Linux). `began`
    tells a process from a later one of the same number.
    """

    token: str
    machine: str
    process: str
    began: str

    @classmethod
    def new(cls) -> "Holder":
        """This process, about to take a lock."""
        return cls(uuid4().hex, _machine(), str(os.getpid()), _began(str(os.getpid())))

    @classmethod
    def of(cls, labels: Mapping[str, str]) -> "Holder":
        """The holder that a lock's labels name."""
        return cls(*(labels.get(name, "") for name in ("token", "machine", "process", "began")))

    @property
    def labels(self) -> dict[str, str]:
        """What to write into the lock."""
        return asdict(self)

    @property
    def is_gone(self) -> bool:
        """Whether the process is known to have ended."""
        if not self.machine or self.machine != _machine():
            return False
        return not _runs(self.process) or _began(self.process) not in ("", self.began)


def describe() -> str:
    """This process, for people."""
    return f"process {os.getpid()} on {platform.node()}, since {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _machine() -> str:
    """One start of one kernel, and the processes that see one another under it."""
    try:
        started = (_PROCESSES / "sys/kernel/random/boot_id").read_text("ascii")
        seen = (_PROCESSES / "self/ns/pid").readlink()
    except OSError:
        return ""
    return hashlib.sha256(f"{started} {seen}".encode()).hexdigest()[:32]


def _runs(process: str) -> bool:
    """Whether there is a process of this number. One that nobody has buried yet (a zombie) does not run any more."""
    try:
        os.kill(int(process), 0)
    except PermissionError:
        return True  # somebody else's
    except (ProcessLookupError, ValueError, OverflowError):
        return False
    return not _state(process).startswith("Z")


def _state(process: str) -> str:
    fields = _status(process)
    return fields[0] if fields else ""


def _began(process: str) -> str:
    """When a process began, by the kernel's clock; empty where that cannot be seen (`/proc` can hide it: hidepid)."""
    fields = _status(process)
    return fields[19] if fields else ""


def _status(process: str) -> list[str]:
    """What the kernel says of a process, from its state on."""
    try:
        fields = (_PROCESSES / process / "stat").read_text("utf-8", "replace")
    except OSError:
        return []
    return fields.rpartition(")")[2].split()
