"""Small facts that outlive a process: generated passwords and the ports that were found.

A file of JSON that only its owner can read, replaced atomically, so that a crash leaves the old content or the new.
"""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from filelock import FileLock, Timeout

from pipeline.embedded.folders import make_folder
from pipeline.errors import ConfigurationError, StepError, TransientError

Value = TypeVar("Value", str, int)

LOCK_SECONDS = 10.0


class State:
    """The facts in one file; an absent file holds none."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> dict[str, str | int]:
        """All facts.

        Raises:
            ConfigurationError: the file is not readable or not JSON.
        """
        try:
            content = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"cannot read {self.path}: {error}", "Repair or restore the file.") from error
        if not isinstance(content, dict):
            raise ConfigurationError(f"{self.path} is not a JSON object", "Repair or restore the file.")
        return content

    def get_or_make(self, key: str, make: Callable[[], Value]) -> Value:
        """The fact under `key`; where there is none, `make` it and keep it. Processes that ask at once get the same.

        Raises:
            ConfigurationError: as for `read`, or there can be no such folder.
            StepError: the file cannot be written.
            TransientError: another process does not let go of it.
        """
        if (known := self.read().get(key)) is None:
            with self._locked():
                if (known := self.read().get(key)) is None:
                    known = make()
                    self._write({**self.read(), key: known})
        return known  # type: ignore[return-value]

    def put(self, key: str, value: str | int) -> None:
        """Keep a fact, replacing what was known. Raises as `get_or_make` does."""
        with self._locked():
            self._write({**self.read(), key: value})

    @contextmanager
    def _locked(self) -> Iterator[None]:
        make_folder(self.path.parent)
        lock = FileLock(f"{self.path}.lock", timeout=LOCK_SECONDS)
        try:
            lock.acquire()
        except Timeout as error:
            raise TransientError(
                f"another process has kept {self.path} for {LOCK_SECONDS:.0f} s",
                f"Run it again; `fuser {lock.lock_file}` finds the other one.",
            ) from error
        except OSError as error:
            raise self._unwritable(error) from error
        try:
            yield
        finally:
            lock.release()

    def _write(self, content: dict[str, str | int]) -> None:
        unfinished = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        try:
            unfinished.unlink(missing_ok=True)
            descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(content, file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(self.path)
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> StepError:
        return StepError(
            f"cannot write {self.path}: {error.strerror or error}",
            "Free disk space or repair the folder's permissions.",
        )
