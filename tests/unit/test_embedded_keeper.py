"""The keeper, with real processes: nothing it is responsible for may outlive its purpose."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from pipeline.embedded.locks import UseLock

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="the kernel's help is Linux's"),
]

KEEPER = [sys.executable, "-P", "-m", "pipeline.embedded.keeper"]
Start = Callable[..., psutil.Popen]

# Writes its own process id and that of a child in a session of its own, and sleeps on.
WITH_CHILD = """
import os, pathlib, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
pathlib.Path(sys.argv[1] + ".new").write_text(f"{os.getpid()} {child.pid}")
os.rename(sys.argv[1] + ".new", sys.argv[1])
time.sleep(600)
"""


@pytest.fixture
def start() -> Iterator[Start]:
    keepers: list[psutil.Popen] = []

    def start(*options: str, command: list[str]) -> psutil.Popen:
        keepers.append(psutil.Popen([*KEEPER, *options, "--", *command], stderr=subprocess.DEVNULL))
        return keepers[-1]

    yield start
    for keeper in keepers:
        if keeper.is_running():
            keeper.terminate()
        keeper.wait(20)


def _family(path: Path) -> list[psutil.Process]:
    deadline = time.monotonic() + 20
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    return [psutil.Process(int(pid)) for pid in path.read_text().split()]


def _all_end(processes: list[psutil.Process], seconds: float = 15) -> bool:
    return not psutil.wait_procs(processes, timeout=seconds)[1]


def test_exit_code_is_the_commands(start: Start) -> None:
    assert start(command=["sh", "-c", "exit 7"]).wait(20) == 7
    assert start(command=["sh", "-c", "kill -9 $$"]).wait(20) == 128 + 9
    assert start(command=["/no/such/program"]).wait(20) == 127


def test_command_that_is_killed_leaves_nothing(start: Start, tmp_path: Path) -> None:
    keeper = start(command=[sys.executable, "-c", WITH_CHILD, str(tmp_path / "pids")])
    command, child = _family(tmp_path / "pids")
    command.kill()
    assert keeper.wait(20) == 137
    assert _all_end([child])


def test_keeper_that_is_told_to_stop_leaves_nothing(start: Start, tmp_path: Path) -> None:
    keeper = start(command=[sys.executable, "-c", WITH_CHILD, str(tmp_path / "pids")])
    family = _family(tmp_path / "pids")
    keeper.terminate()
    assert keeper.wait(20) == 128 + signal.SIGTERM
    assert _all_end(family)


def test_command_that_ignores_the_signal_is_killed_after_its_grace(start: Start, tmp_path: Path) -> None:
    stubborn = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);" + WITH_CHILD
    keeper = start("--grace=0.5", command=[sys.executable, "-c", stubborn, str(tmp_path / "pids")])
    family = _family(tmp_path / "pids")
    keeper.terminate()
    assert keeper.wait(20) == 137
    assert _all_end(family)


def test_keeper_that_is_killed_takes_the_command_along(start: Start, tmp_path: Path) -> None:
    keeper = start(command=[sys.executable, "-c", WITH_CHILD, str(tmp_path / "pids")])
    command, child = _family(tmp_path / "pids")
    keeper.kill()
    keeper.wait(20)
    assert _all_end([command])
    child.kill()


def test_parent_that_is_killed_takes_all_along(tmp_path: Path) -> None:
    keep = [*KEEPER, "--", sys.executable, "-c", WITH_CHILD, str(tmp_path / "pids")]
    parent = psutil.Popen([sys.executable, "-c", "import subprocess, sys; subprocess.run(sys.argv[1:])", *keep])
    family = _family(tmp_path / "pids")
    [keeper] = parent.children()
    parent.kill()
    parent.wait(20)
    assert _all_end([keeper, *family])


def test_orphan_of_a_running_command_is_ended(start: Start, tmp_path: Path) -> None:
    """As when Airflow's executor is killed and its task runs on, to be run twice."""
    orphaning = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {WITH_CHILD!r}, sys.argv[1]])"
    keeper = start(
        command=["sh", "-c", '"$0" -c "$1" "$2"; exec sleep 600', sys.executable, orphaning, str(tmp_path / "pids")]
    )
    family = _family(tmp_path / "pids")
    assert _all_end(family)
    assert keeper.is_running()


def test_keeper_with_users_of_its_own_is_no_orphan(start: Start, tmp_path: Path) -> None:
    """As when a task starts PostgreSQL, others use it too, and the task is over first."""
    user = UseLock(tmp_path / "lock")
    assert user.use(0)
    server = [
        *KEEPER,
        f"--while-used={user.path}",
        "--",
        "sh",
        "-c",
        f"echo $$ > {tmp_path}/new; mv {tmp_path}/new {tmp_path}/pids; sleep 600",
    ]
    starting = f"import subprocess; subprocess.Popen({server!r})"
    keeper = start(command=["sh", "-c", '"$0" -c "$1"; exec sleep 600', sys.executable, starting])
    family = _family(tmp_path / "pids")
    time.sleep(1.5)  # it looks for orphans every second
    assert family[0].is_running()
    keeper.terminate()
    keeper.wait(20)
    assert family[0].is_running()
    user.release()
    assert _all_end(family)


def test_command_ends_with_the_last_user(start: Start, tmp_path: Path) -> None:
    first, second = UseLock(tmp_path / "lock"), UseLock(tmp_path / "lock")
    assert first.use(0)
    assert second.use(0)
    keeper = start(f"--while-used={tmp_path / 'lock'}", "--stop-signal=INT", command=["sleep", "600"])
    first.release()
    time.sleep(0.6)
    assert keeper.is_running()
    second.release()
    assert keeper.wait(20) == 128 + signal.SIGINT


def test_pipe_of_the_starter_is_not_kept_open(start: Start, tmp_path: Path) -> None:
    """Or `tillroll run` would seem not to end, to somebody who reads its pipe, while another uses the server."""
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)
    keeper = psutil.Popen([*KEEPER, "--", "sleep", "600"], close_fds=False)
    os.close(writer)
    os.set_blocking(reader, False)
    deadline = time.monotonic() + 20
    while (said := _read(reader)) is None and time.monotonic() < deadline:
        time.sleep(0.05)
    keeper.terminate()
    keeper.wait(20)
    os.close(reader)
    assert said == b""


def _read(descriptor: int) -> bytes | None:
    try:
        return os.read(descriptor, 1)
    except BlockingIOError:
        return None


def test_lock_is_held_until_all_is_over(start: Start, tmp_path: Path) -> None:
    lock = UseLock(tmp_path / "lock")
    keeper = start(f"--use={tmp_path / 'lock'}", command=[sys.executable, "-c", WITH_CHILD, str(tmp_path / "pids")])
    family = _family(tmp_path / "pids")
    assert not lock.take_over()
    os.kill(keeper.pid, signal.SIGTERM)
    assert lock.take_over(20)
    assert _all_end(family, seconds=0)
    lock.release()
