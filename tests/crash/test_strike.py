"""A strike hits this very process where it was told to, and leaves a trace of what was reached."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from strike import Strike, read_trace

# Three times a step of a fifth of a second, which says when it is done.
STEPS = """
import sys, time
from pathlib import Path
sys.path.insert(0, {here!r})
from strike import Strike, install
from pipeline.failpoints import failpoint
install([{strike!r}], Path({trace!r}))
for number in range(3):
    with failpoint("folder.rename"):
        end = time.monotonic() + 0.2
        while time.monotonic() < end:
            pass
"""


def run(strike: Strike, trace: Path) -> subprocess.Popen[bytes]:
    program = STEPS.format(here=str(Path(__file__).parent), strike=strike, trace=str(trace))
    return subprocess.Popen([sys.executable, "-c", program])


@pytest.mark.parametrize(
    ("when", "reached"),
    [("before", ["before"]), ("in", ["before"]), ("after", ["before", "after"])],
)
def test_a_process_is_killed_where_it_was_told_to(tmp_path: Path, when: str, reached: list[str]) -> None:
    """The strike in the step comes from the kernel, while the interpreter is busy."""
    process = run(Strike("folder.rename", when, 2, delay=0.01), tmp_path / "trace")  # type: ignore[arg-type]

    assert process.wait(60) == -signal.SIGKILL
    assert [event.moment for event in read_trace(tmp_path / "trace")] == ["before", "after", *reached]


def test_a_process_may_be_stopped_and_go_on(tmp_path: Path) -> None:
    process = run(Strike("folder.rename", "after", 1, action="stop"), tmp_path / "trace")
    _, status = os.waitpid(process.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status)
    stopped_at = len(read_trace(tmp_path / "trace"))

    process.send_signal(signal.SIGCONT)

    assert process.wait(60) == 0
    assert (stopped_at, len(read_trace(tmp_path / "trace"))) == (2, 6)


def test_a_step_that_is_never_reached_is_never_struck(tmp_path: Path) -> None:
    assert run(Strike("folder.rename", "before", 4), tmp_path / "trace").wait(60) == 0
