"""A process that has everything imported, and forks a run when it is asked: each is a process, and starts at once.

`python cloud_nursery.py` reads tasks from its standard input, a JSON object a line; it answers with the number of the
process, and with another line when that has ended. Nothing of a run outlives it.
"""

import json
import os
import select
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ENDED, TRANSIENT, REFUSED, BROKEN = 0, 10, 11, 12


@dataclass
class Run:
    """A process that was started, and how it ended: a code above, or the negative number of a signal."""

    pid: int
    nursery: "Nursery"

    def wait(self) -> int:
        return self.nursery.wait(self.pid)

    def kill(self) -> int:
        os.kill(self.pid, signal.SIGKILL)
        return self.wait()

    def resume(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def wait_until_stopped(self) -> bool:
        """Whether the process stopped itself, and did not end instead."""
        return self.nursery.wait_until_stopped(self.pid)


@dataclass
class Nursery:
    """The test's side."""

    process: "subprocess.Popen[str]"
    statuses: dict[int, int] = field(default_factory=dict)
    stopped: set[int] = field(default_factory=set)

    def start(self, **task: Any) -> Run:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(task) + "\n")
        self.process.stdin.flush()
        return Run(self._hear("pid")["pid"], self)

    def wait(self, pid: int) -> int:
        while pid not in self.statuses:
            self._hear()
        return self.statuses.pop(pid)

    def wait_until_stopped(self, pid: int) -> bool:
        while pid not in self.stopped and pid not in self.statuses:
            self._hear()
        return pid in self.stopped

    def _hear(self, wanted: str = "") -> dict[str, int]:
        assert self.process.stdout is not None
        while True:
            heard: dict[str, int] = json.loads(self.process.stdout.readline())
            if "ended" in heard:
                self.statuses[heard["ended"]] = heard["status"]
            if "stopped" in heard:
                self.stopped.add(heard["stopped"])
            if not wanted or wanted in heard:
                return heard


@contextmanager
def nursery(environment: Mapping[str, str], log: Path) -> Iterator[Nursery]:
    """A nursery whose runs write what they have to say into `log`."""
    command = [sys.executable, str(Path(__file__).with_name("cloud_runs.py"))]
    with log.open("ab") as said:
        process = subprocess.Popen(
            command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, env=dict(environment)
        )
        try:
            yield Nursery(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(60)
            assert process.stdout is not None
            process.stdout.close()


def serve(perform: Callable[[dict[str, Any]], int]) -> None:
    """The nursery's own side: fork a process for each task, and say when it has ended."""
    children: set[int] = set()
    asleep, awake = os.pipe()
    os.set_blocking(awake, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(awake, warn_on_full_buffer=False)
    while True:
        ready, _, _ = select.select([sys.stdin.fileno(), asleep], [], [])
        if asleep in ready:
            os.read(asleep, 1024)
            _tell_of(children)
        if sys.stdin.fileno() in ready:
            line = _line()
            if not line:
                break
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                os._exit(_performed(perform, json.loads(line)))
            children.add(pid)
            _say(pid=pid)
    for pid in children:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _line() -> bytes:
    """A line of standard input, unbuffered: `select` must see what comes next."""
    line = b""
    while not line.endswith(b"\n") and (character := os.read(sys.stdin.fileno(), 1)):
        line += character
    return line


def _tell_of(children: set[int]) -> None:
    for pid in list(children):
        found, status = os.waitpid(pid, os.WNOHANG | os.WUNTRACED)
        if found and os.WIFSTOPPED(status):
            _say(stopped=pid)
        elif found:
            children.discard(pid)
            _say(ended=pid, status=os.waitstatus_to_exitcode(status))


def _performed(perform: Callable[[dict[str, Any]], int], task: dict[str, Any]) -> int:
    code = BROKEN
    try:
        code = perform(task)
    except BaseException:  # noqa: BLE001 - whatever it is, the log has it
        traceback.print_exc()
    finally:
        sys.stderr.flush()
    return code


def _say(**said: int) -> None:
    os.write(1, (json.dumps(said) + "\n").encode())
