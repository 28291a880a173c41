"""Failpoints tell a hook what is about to happen, and what has happened; without a hook nobody notices them."""

import subprocess
import sys

import pytest

from pipeline.failpoints import EVENT, failpoint

# In a process of its own: an audit hook stays for good.
TRACE = f"""
import sys
from pipeline.failpoints import failpoint
sys.addaudithook(lambda event, arguments: print(*arguments) if event == {EVENT!r} else None)
with failpoint("rename"):
    print("renaming")
try:
    with failpoint("commit"):
        raise OSError
except OSError:
    print("failed")
"""


def test_a_hook_hears_of_what_comes_and_of_what_was_done() -> None:
    done = subprocess.run([sys.executable, "-c", TRACE], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines() == ["rename before", "renaming", "rename after", "commit before", "failed"]


def test_an_error_passes_through() -> None:
    with pytest.raises(OSError, match="disk"), failpoint("rename"):
        raise OSError("disk")
