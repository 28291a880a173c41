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
        return bool(self.machine) and self.machine == _machine() and _began(self.process) != self.began


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


def _began(process: str) -> str:
    """When a process began, by the kernel's clock; empty where there is no such process."""
    try:
        fields = (_PROCESSES / process / "stat").read_text("utf-8", "replace")
    except OSError:
        return ""
    return fields.rpartition(")")[2].split()[19]
