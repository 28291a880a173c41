"""A strike: this very process, killed or stopped at a failpoint, to the microsecond, before it, in it or after it.

As a program it runs `tillroll` and strikes it once:

    python tests/crash/strike.py --failpoint folder.rename --when in --delay 0.0001 --trace FILE -- run --day 2025-01-01

The trace has a line for each failpoint event: seconds since the hook was installed, the name, and `before` or `after`.
"""

import argparse
import ctypes
import os
import resource
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pipeline.failpoints import EVENT

When = Literal["before", "in", "after"]
# kill: SIGKILL. stop: SIGSTOP, so that another can do harm meanwhile. fill: from then on no file can grow.
Action = Literal["kill", "stop", "fill"]


@dataclass(frozen=True)
class Strike:
    """Where and when to strike: at the `nth` time the failpoint is reached; `in` it, `delay` seconds after it began."""

    failpoint: str
    when: When
    nth: int = 1
    delay: float = 0.0
    action: Action = "kill"


@dataclass(frozen=True)
class Reached:
    """One event of a trace."""

    seconds: float
    failpoint: str
    moment: str


def install(strikes: Sequence[Strike], trace: Path | None = None) -> None:
    """Have this process struck, and have it write what it reaches. A hook stays for good: call this once."""
    written = None if trace is None else os.open(trace, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    timer, started, lock = _timer(), time.monotonic(), threading.Lock()
    seen: Counter[tuple[str, str]] = Counter()

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event != EVENT:
            return
        name, moment = str(arguments[0]), str(arguments[1])
        with lock:
            seen[name, moment] += 1
            nth = seen[name, moment]
        if written is not None:
            with suppress(OSError):  # the disk may be full by order
                os.write(written, f"{time.monotonic() - started:.6f} {name} {moment}\n".encode())
        for strike in strikes:
            if (strike.failpoint, strike.nth) == (name, nth):
                if strike.when == moment:
                    _act(strike.action)
                elif strike.when == "in" and moment == "before":
                    timer(strike)

    sys.addaudithook(hook)


def read_trace(trace: Path) -> list[Reached]:
    """What a process has reached, in order."""
    lines = (line.split() for line in trace.read_text().splitlines()) if trace.exists() else ()
    return [
        Reached(float(seconds), name, "after" if moment == "after" else "before") for seconds, name, moment in lines
    ]


def run_struck(arguments: Sequence[str], strikes: Sequence[Strike], trace: Path | None) -> None:
    """Run the `tillroll` program in this process, struck. Ends the process."""
    from pipeline.cli import main

    install(strikes, trace)
    sys.argv = ["tillroll", *arguments]
    main()


def _act(action: Action) -> None:
    if action == "fill":
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    else:
        os.kill(os.getpid(), signal.SIGKILL if action == "kill" else signal.SIGSTOP)


def _timer() -> Callable[[Strike], None]:
    """What arms a strike in the middle of a step: the kernel sends the signal itself, for a thread of ours would have
    to wait for the interpreter, and would come too late for a rename."""
    system = ctypes.CDLL(None, use_errno=True)
    create, settime = system.timer_create, system.timer_settime

    def arm(strike: Strike) -> None:
        if strike.action == "fill":
            threading.Timer(strike.delay, _act, ["fill"]).start()
            return
        number = signal.SIGKILL if strike.action == "kill" else signal.SIGSTOP
        event, timer = (ctypes.c_int * 16)(0, 0, number, 0), ctypes.c_void_p()  # struct sigevent: value, signal, notify
        due = (ctypes.c_long * 4)(0, 0, int(strike.delay), max(1, int(strike.delay % 1 * 1e9)))
        if create(time.CLOCK_MONOTONIC, event, ctypes.byref(timer)) or settime(timer, 0, due, None):
            raise OSError(ctypes.get_errno(), "no timer to strike with")

    return arm


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Run `tillroll` and strike it once.")
    parser.add_argument("--failpoint")
    parser.add_argument("--when", choices=["before", "in", "after"], default="before")
    parser.add_argument("--nth", type=int, default=1)
    parser.add_argument("--delay", type=float, default=0.0, help="seconds, with --when in")
    parser.add_argument("--action", choices=["kill", "stop", "fill"], default="kill")
    parser.add_argument("--trace", type=Path)
    parser.add_argument("arguments", nargs="+", help="of tillroll, after --")
    chosen = parser.parse_args()
    strike = Strike(chosen.failpoint, chosen.when, chosen.nth, chosen.delay, chosen.action)
    run_struck(chosen.arguments, [strike] if chosen.failpoint else [], chosen.trace)
