"""`python -m emulators` runs a command against the emulated cloud, and leaves nothing behind but its state."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from pipeline.settings import ROOT

pytestmark = pytest.mark.slow

KEPT = """
import os
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery, storage

anonymous = AnonymousCredentials()
client = bigquery.Client(project="tillroll-local", location="EU", credentials=anonymous)
bucket = storage.Client(project="tillroll-local", credentials=anonymous).bucket(os.environ["TILLROLL_LAKE_URL"][5:])
bucket.blob("a/b").upload_from_string("x")
client.create_dataset("d", exists_ok=True)
client.query("create table if not exists d.t (n int64)").result()
client.query("insert into d.t (n) values (1)").result()
print(client.get_table("d.t").num_rows, [blob.name for blob in bucket.list_blobs()], os.environ["TILLROLL_DATA_DIR"])
"""
# What says `begun` is what the signal ends: the shell never waits for something that began after the signal. The signal
# may reach it a moment before it reaches the shell, which must not go on then either.
CLEANING_UP = (
    "trap 'exit 130' INT; trap 'exit 143' TERM; trap 'echo cleaned up' EXIT; (echo begun; exec sleep 60) && echo never"
)


def emulated(folder: Path, *command: str) -> "subprocess.Popen[str]":
    arguments = [sys.executable, "-m", "emulators", "--data", str(folder), "--", *command]
    return subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def left_over(folder: Path) -> list[int]:
    """The emulators that still run with their state in this folder."""
    found = psutil.process_iter(["pid", "cmdline"])
    return [process.pid for process in found if str(folder) in " ".join(process.info["cmdline"] or [])]


def test_tables_and_objects_are_there_the_next_time(tmp_path: Path) -> None:
    for rows in (1, 2):
        process = emulated(tmp_path, sys.executable, "-c", KEPT)

        assert process.communicate()[0] == f"{rows} ['a/b'] {tmp_path}\n"
        assert process.returncode == 0
    assert left_over(tmp_path) == []


def test_the_exit_code_is_the_commands(tmp_path: Path) -> None:
    process = emulated(tmp_path, "/bin/sh", "-c", "exit 7")

    process.communicate()
    assert process.returncode == 7
    assert left_over(tmp_path) == []


def test_a_command_that_is_none_and_an_emulator_that_does_not_start_are_named(tmp_path: Path) -> None:
    for place, command, words in (("new", "no-such-command", "no-such-command"), ("broken", "true", "bigquery.log")):
        folder = tmp_path / place
        if place == "broken":
            (folder / "google" / "tables" / "bqemulator.duckdb").mkdir(parents=True)
        arguments = [sys.executable, "-m", "emulators", "--data", str(folder), "--", command]
        done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=False)

        assert done.returncode == 2
        assert done.stderr.startswith("error: ")
        assert words in done.stderr
    assert left_over(tmp_path) == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_command_first(tmp_path: Path, number: signal.Signals, code: int) -> None:
    process = emulated(tmp_path, "/bin/sh", "-c", CLEANING_UP)
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    os.kill(process.pid, number)

    assert process.communicate()[0] == "cleaned up\n"
    assert process.returncode == code
    assert left_over(tmp_path) == []


def test_emulators_end_when_whoever_started_them_was_killed(tmp_path: Path) -> None:
    process = emulated(tmp_path, "/bin/sh", "-c", "echo begun; exec sleep 5")
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    emulators = [child for child in psutil.Process(process.pid).children() if "emulators." in " ".join(child.cmdline())]
    assert len(emulators) == 2

    process.kill()

    assert psutil.wait_procs(emulators, timeout=20)[1] == []
    process.communicate()
