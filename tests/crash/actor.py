"""Runs of `tillroll` in forks of a warm process: what takes seconds to import is there already.

An actor is forked before its parent has opened a connection or started a thread, and waits for its order. Nobody's
permissions are more than a user's in it, where the order says so, and its data may lie on a disk of a few bytes.
"""

import ctypes
import fcntl
import os
import pickle
import shutil
import signal
import sys
import tempfile
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from strike import Strike, run_struck

_OUTPUT_BYTES = 1 << 20
_PR_SET_PDEATHSIG = 1
_CAPABILITY_VERSION = 0x20080522
_IGNORE_PERMISSIONS = 0b1110  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER
_CLONE_NEWNS, _CLONE_NEWUSER = 0x00020000, 0x10000000


@dataclass(frozen=True)
class SmallDisk:
    """A file system of `room` bytes more than `folder` holds, in `mount`; what lies there comes back to `folder`."""

    folder: Path
    mount: Path
    room: int


@dataclass(frozen=True)
class Order:
    """What an actor does. `powerless`: permission bits count for root, too."""

    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    trace: Path
    strikes: tuple[Strike, ...] = ()
    powerless: bool = False
    disk: SmallDisk | None = None


class Actor:
    """A fork of this process that runs `tillroll` once."""

    def __init__(self) -> None:
        orders, self._orders = os.pipe()
        self._output, output = os.pipe()
        fcntl.fcntl(output, fcntl.F_SETPIPE_SZ, _OUTPUT_BYTES)  # no file: a full disk must not silence it
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._orders)
            _play(orders, output)
        os.close(orders)
        os.close(output)

    def start(self, order: Order) -> None:
        with os.fdopen(self._orders, "wb") as orders:
            pickle.dump(order, orders)

    def wait(self) -> int | None:
        """The exit status once the run has ended, negative for a signal; None once it has been stopped."""
        _, status = os.waitpid(self.pid, os.WUNTRACED)
        return None if os.WIFSTOPPED(status) else os.waitstatus_to_exitcode(status)

    def resume(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def output(self) -> str:
        """What the ended run has said."""
        with os.fdopen(self._output, "rb") as output:
            return output.read().decode("utf-8", "replace")


def _play(orders: int, output: int) -> None:
    """The whole life of an actor."""
    status = 1
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        with os.fdopen(orders, "rb") as told:
            order = pickle.load(told)  # noqa: S301  # from our own parent
        for standard in (1, 2):
            os.dup2(output, standard)
        status = _run(order)
    except EOFError:  # no order came, and the parent has gone
        status = 0
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else 1
    except BaseException:  # noqa: BLE001  # whatever it is, the parent is to read it
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _run(order: Order) -> int:
    for name in [name for name in os.environ if name.startswith("TILLROLL_")]:
        del os.environ[name]
    os.environ.update(order.environment)
    if order.disk:
        return _run_on(order.disk, order)
    if order.powerless:
        _obey_permissions()
    run_struck(order.arguments, order.strikes, order.trace)
    return 0


def _run_on(disk: SmallDisk, order: Order) -> int:
    """Run on a small disk, which only this process and the one it forks can see."""
    mount_small_disk(disk)
    pid = os.fork()
    if pid == 0:
        run_struck(order.arguments, order.strikes, order.trace)  # which ends with an exit
    _, status = os.waitpid(pid, 0)
    _bring_back(disk)
    return os.waitstatus_to_exitcode(status)


def _bring_back(disk: SmallDisk) -> None:
    """Put what lies on the small disk into the folder, each file at once: somebody may be reading it."""
    gone = [p for p in disk.folder.rglob("*") if p.is_file() and not (disk.mount / p.relative_to(disk.folder)).exists()]
    for path in gone:
        path.unlink()
    for path in (path for path in disk.mount.rglob("*") if path.is_file()):
        target = disk.folder / path.relative_to(disk.mount)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target.with_name(f"{target.name}.back"))
        target.with_name(f"{target.name}.back").replace(target)


def mount_small_disk(disk: SmallDisk) -> None:
    """Give this process a file system of its own in `disk.mount`, and put what `disk.folder` holds there.

    Raises:
        OSError: this machine does not let its users have one.
    """
    system, user, group = ctypes.CDLL(None, use_errno=True), os.getuid(), os.getgid()
    files = [path for path in disk.folder.rglob("*") if path.is_file()]
    size = sum(-(-path.stat().st_size // 4096) * 4096 for path in files) + disk.room
    if system.unshare(_CLONE_NEWUSER | _CLONE_NEWNS):
        raise OSError(ctypes.get_errno(), "no namespace of its own")
    for name, content in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
        Path(f"/proc/self/{name}").write_text(content)
    disk.mount.mkdir(exist_ok=True)
    options = f"size={size},nr_inodes=0".encode()
    if system.mount(b"none", os.fsencode(disk.mount), b"tmpfs", 0, options):
        raise OSError(ctypes.get_errno(), "no small disk")
    shutil.copytree(disk.folder, disk.mount, dirs_exist_ok=True)


def _obey_permissions() -> None:
    """Give up what lets root read and write everything."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    sets = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable: the low 32 bits of each, then the high ones
    system = ctypes.CDLL(None, use_errno=True)
    if system.capget(header, sets):
        raise OSError(ctypes.get_errno(), "cannot tell what this process may do")
    for index in range(2):
        sets[index] &= ~_IGNORE_PERMISSIONS
    if system.capset(header, sets):
        raise OSError(ctypes.get_errno(), "cannot give up what root may do")


def small_disk_refused() -> str | None:
    """Why this machine lets nobody have a small disk; None where it does. Asks in a fork of this process."""
    with tempfile.TemporaryDirectory() as folder:
        said, say = os.pipe()
        if (pid := os.fork()) == 0:
            try:
                mount_small_disk(SmallDisk(Path(folder), Path(folder) / "mount", 4096))
            except OSError as error:
                os.write(say, str(error).encode())
            os._exit(0)
        os.close(say)
        os.waitpid(pid, 0)
        with os.fdopen(said) as answer:
            return answer.read() or None
