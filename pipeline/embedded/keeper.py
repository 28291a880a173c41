"""Run one server so that neither it nor anything it started outlives its purpose.

    python -m pipeline.embedded.keeper [--run-as …] [--stop-signal INT] [--grace 10] [--use FILE] -- command…

The keeper is the command's parent for life. It ends the command when it is told to (SIGTERM, SIGINT), when its own
parent dies, or, with --while-used FILE, when nobody else uses that lock any more. What the command leaves behind, for
instance when it is killed, comes to the keeper (a "subreaper") and is ended too. Exits with the command's code.
"""

import argparse
import contextlib
import ctypes
import os
import select
import signal
import sys
import time
from pathlib import Path

from pipeline.embedded import privileges
from pipeline.embedded.locks import UseLock

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
STRAY_GRACE_SECONDS = 3.0
LOCK_SECONDS = 60.0


def die_with_parent(number: int, parent: int) -> None:
    """Have the kernel send this process a signal when `parent`, its parent, dies. Only Linux does this."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, number)
        if os.getppid() != parent:
            os.kill(os.getpid(), number)


class Keeper:
    """One command and its descendants."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.parent = os.getppid()
        self.kill_at: float | None = None
        self.exit_code: int | None = None
        self.strays: dict[int, float] = {}
        self.users = UseLock(Path(options.while_used)) if options.while_used else None
        self.woken, waker = os.pipe()
        os.set_blocking(waker, False)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stop())
        self.pid = self._spawn()

    def run(self) -> int:
        """Keep the command until it ends, then see its leftovers off. Returns the exit code."""
        while self.exit_code is None:
            self._wait(0.2 if self.users or self.kill_at else 1.0)
            self._end_strays()
            if self._has_no_purpose():
                self.stop()
            if self.kill_at is not None and time.monotonic() > self.kill_at:
                self._signal_group(signal.SIGKILL)
        self._signal_group(signal.SIGTERM)
        while self._end_strays():
            self._wait(0.1)
        self._signal_group(signal.SIGKILL)
        return self.exit_code

    def stop(self) -> None:
        """Ask the command to end; once its grace is over it is killed."""
        if self.kill_at is None and self.exit_code is None:
            self.kill_at = time.monotonic() + self.options.grace
            os.kill(self.pid, self.options.stop_signal)

    def _has_no_purpose(self) -> bool:
        return self.users.take_over() if self.users else os.getppid() != self.parent

    def _spawn(self) -> int:
        parent = os.getpid()
        if (pid := os.fork()) != 0:
            return pid
        try:
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.SIG_DFL)
            os.setsid()
            privileges.become(self.options.run_as)  # forgets the death signal, which therefore comes after
            die_with_parent(self.options.stop_signal, parent)
            os.execvp(self.options.command[0], self.options.command)  # noqa: S606
        except OSError as error:
            sys.stderr.write(f"{self.options.command[0]}: {error}\n")
        os._exit(127)

    def _wait(self, seconds: float) -> None:
        if select.select([self.woken], [], [], seconds)[0]:
            os.read(self.woken, 512)
        while (ended := self._reap()) is not None:
            pid, status = ended
            self.strays.pop(pid, None)
            if pid == self.pid:
                code = os.waitstatus_to_exitcode(status)
                self.exit_code = code if code >= 0 else 128 - code

    def _reap(self) -> tuple[int, int] | None:
        with contextlib.suppress(ChildProcessError):
            pid, status = os.waitpid(-1, os.WNOHANG)
            return (pid, status) if pid else None
        return None

    def _end_strays(self) -> bool:
        """Ask every orphan that came to this process to end, and kill it when it does not. True while there are any."""
        children = [pid for pid in _children() if pid != self.pid or self.exit_code is not None]
        orphans = [pid for pid in children if not _has_users_of_its_own(pid)]
        for pid in orphans:
            asked_at = self.strays.setdefault(pid, time.monotonic())
            overdue = time.monotonic() - asked_at > STRAY_GRACE_SECONDS
            with contextlib.suppress(ProcessLookupError):  # it ended by itself
                os.kill(pid, signal.SIGKILL if overdue else signal.SIGTERM)
        return bool(orphans)

    def _signal_group(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):  # nobody is left in the group
            os.killpg(self.pid, number)


def _children() -> list[int]:
    """Direct children of this (single-threaded) process; none where the system does not list them."""
    try:
        return [int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text("ascii").split()]
    except OSError:
        return []


def _has_users_of_its_own(pid: int) -> bool:
    """Whether a process is a keeper for whoever uses its command, also when the one that started it has ended."""
    try:
        return b"--while-used" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def main() -> int:
    """Parse the options and run the command."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.embedded.keeper")
    parser.add_argument("--run-as", default=privileges.SELF, help="see pipeline.embedded.privileges")
    parser.add_argument("--stop-signal", default="TERM", type=lambda name: signal.Signals[f"SIG{name}"])
    parser.add_argument("--grace", type=float, default=10.0, help="seconds to end in before it is killed")
    parser.add_argument("--use", type=Path, help="a lock to use for as long as anything of the command is there")
    parser.add_argument("--while-used", type=Path, help="a lock whose users the command is for")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    # Whoever reads a pipe of the starter's must not wait for the server's end.
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    if options.use and not (lock := UseLock(options.use)).use(LOCK_SECONDS):
        sys.exit(f"{lock.path} does not become free")
    if options.while_used:
        os.setsid()  # the terminal's Ctrl-C is for the users, not for their server
    else:
        die_with_parent(signal.SIGTERM, os.getppid())
    return Keeper(options).run()


if __name__ == "__main__":
    sys.exit(main())
