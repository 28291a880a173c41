"""A sample of the crash matrix: every failpoint of the laptop is hit, and all ends as in the twin."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from faults import BACKFILL, KINDS, TWICE
from harms import harms
from sites import LAPTOP


@pytest.mark.slow
def test_runs_that_were_disturbed_at_every_step_end_as_their_twin() -> None:
    """Fixed schedules, of which the first also has a fault planted in every layer, which has to be seen."""
    program = str(Path(__file__).parent / "matrix.py")
    done = subprocess.run([sys.executable, program, "--sample", "--workers", "1"], capture_output=True, text=True)

    assert done.returncode == 0, done.stdout + done.stderr
    rows = dict(re.findall(r"^\| `([a-z_.]+)` \|.*\| ([a-z ]+) \|$", done.stdout, re.MULTILINE))
    assert rows == dict.fromkeys(LAPTOP, "as the twin"), done.stdout


def test_every_kind_of_fault_that_stops_a_run_does_something_meanwhile() -> None:
    stopping = {name for name, kind in KINDS.items() if kind.action == "stop"}

    assert stopping == harms() | {TWICE, BACKFILL}
