"""The two emulators as processes: started, waited for, and stopped whatever happens."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
START_TIMEOUT_S = 120
STOP_TIMEOUT_S = 20
_parent = os.getppid()


class EmulatorError(RuntimeError):
    """An emulator does not start."""


@dataclass(frozen=True)
class Servers:
    """Where the emulators answer, and the file with every statement that BigQuery's got."""

    storage_url: str
    bigquery_url: str
    record: Path

    def environment(self) -> dict[str, str]:
        """The variables by which Google's own libraries find the emulators."""
        return {
            "STORAGE_EMULATOR_HOST": self.storage_url,
            "BIGQUERY_EMULATOR_HOST": self.bigquery_url,
            "NO_GCE_CHECK": "true",
        }


@contextmanager
def running(folder: Path, *, keep: bool = False, buckets: Sequence[str] = ()) -> Iterator[Servers]:
    """Both emulators with their state below `folder`; `keep` keeps tables for the next start, and records nothing.

    Raises:
        EmulatorError: one of them does not start.
    """
    objects, record = folder / "objects", folder / "statements.jsonl"
    objects.mkdir(parents=True, exist_ok=True)
    storage = ["--objects", str(objects), *(word for bucket in buckets for word in ("--bucket", bucket))]
    kept = ["--data-dir", str(folder / "tables")] if keep else ["--record", str(record)]
    bigquery = ["--objects", str(objects), *kept]
    with ExitStack() as stack:
        urls = [
            stack.enter_context(_started(name, arguments, folder))
            for name, arguments in (("storage", storage), ("bigquery", bigquery))
        ]
        yield Servers(_url(*urls[0]), _url(*urls[1]), record)


@contextmanager
def _started(name: str, arguments: Sequence[str], folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """The process of an emulator, and the file into which it will write its URL."""
    with tempfile.TemporaryDirectory(prefix=f"{name}-", dir=folder) as scratch:
        url_file = Path(scratch) / "url"
        command = [sys.executable, "-m", f"emulators.{name}", *arguments, "--url-file", str(url_file)]
        with (folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        try:
            yield process, url_file
        finally:
            _stop(process)


def _url(process: subprocess.Popen[bytes], url_file: Path) -> str:
    deadline = time.monotonic() + START_TIMEOUT_S
    while not url_file.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            log = url_file.parents[1] / f"{url_file.parent.name.partition('-')[0]}.log"
            last = log.read_text("utf-8", "replace").strip().splitlines()[-1:]
            raise EmulatorError(f"the emulator does not answer: {' '.join(last) or 'it says nothing'} ({log})")
        time.sleep(0.02)
    return url_file.read_text("utf-8")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def announce(url: str, url_file: Path | None) -> None:
    """Say where the emulator answers: in the file, whole or not at all, else on standard output."""
    if url_file is None:
        sys.stdout.write(f"{url}\n")
        sys.stdout.flush()
        return
    half = url_file.with_name(url_file.name + ".new")
    half.write_text(url, "utf-8")
    half.rename(url_file)


def parent_is_gone() -> bool:
    """Whether the process that started this one has ended, however it ended."""
    return os.getppid() != _parent
