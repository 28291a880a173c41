"""The process manager: supervisord with config/supervisord.conf, spoken to over a socket that is its owner's alone."""

import hashlib
import http.client
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from xmlrpc.client import Fault, ServerProxy

import psutil

from pipeline.embedded import started_with
from pipeline.embedded.folders import make_folder
from pipeline.embedded.unix_rpc import UnixTransport
from pipeline.embedded.urls import uses_embedded_postgres
from pipeline.errors import ConfigurationError, StepError, TransientError
from pipeline.settings import ROOT, Settings

# A socket's path fits into 104 bytes on macOS and 108 on Linux; supervisord adds its process id while it makes it.
SOCKET_PATH_BYTES = 90
SHUTDOWN_SECONDS = 150.0
START_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Program:
    """One program of the manager. `state` is supervisord's word; `ended_at` is a Unix time, 0 before the first end."""

    name: str
    state: str
    pid: int
    ended_at: int
    log: Path

    @property
    def is_up(self) -> bool:
        return self.state in {"RUNNING", "STARTING"}

    @property
    def is_wanted(self) -> bool:
        """False where it was never started: the settings name another server in its stead."""
        return not (self.state == "STOPPED" and self.ended_at == 0)


class Manager:
    """supervisord, for one data folder."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.run = settings.data / "run"

    def is_running(self) -> bool:
        """Whether a manager answers."""
        try:
            return bool(self._call("getState")["statename"] == "RUNNING")
        except (OSError, Fault, http.client.HTTPException):
            return False

    def start(self) -> None:
        """Start the manager, which starts its programs.

        Raises:
            StepError: it did not start; the message is its own.
        """
        make_folder(self.run / "logs")
        configuration = ROOT / "config" / "supervisord.conf"
        started = subprocess.run(
            [sys.executable, "-P", "-m", "supervisor.supervisord", "--configuration", str(configuration)],
            env={**os.environ, **self._variables()}, cwd=self.run, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        deadline = time.monotonic() + START_SECONDS
        while started.returncode == 0 and not self.is_running() and time.monotonic() < deadline:
            time.sleep(0.05)
        if not self.is_running():
            said = (started.stderr or started.stdout).strip() or f"see {self.run / 'logs' / 'supervisord.log'}"
            raise StepError(f"the process manager did not start: {said}", "Is there room in the data folder?")

    def programs(self) -> list[Program]:
        """All programs. Raises TransientError where the manager does not answer."""
        try:
            answer: Any = self._call("getAllProcessInfo")
        except (OSError, Fault, http.client.HTTPException) as error:
            raise TransientError(f"the process manager does not answer: {error}", "Try again.") from error
        return [
            Program(info["name"], info["statename"], info["pid"], info["stop"], self.run / info["stdout_logfile"])
            for info in answer
        ]

    def start_again(self, programs: list[Program]) -> None:
        """Start programs that are not up."""
        for program in programs:
            group = "airflow:" if program.log.name.startswith("airflow-") else ""
            with suppress(Fault):  # it has come up meanwhile
                self._call("startProcess", f"{group}{program.name}", False)

    def changed_settings(self) -> list[str]:
        """Names of the settings that are not what they were when the manager was started."""
        return started_with.changed_settings(json.loads(self._started_with("STACK_SETTINGS") or "{}"), self.settings)

    def code_has_changed(self) -> bool:
        """Whether the code on disk is not what it was when the manager was started."""
        return self._started_with("STACK_CODE") != started_with.code_id()

    def shut_down(self) -> bool:
        """Stop all programs, then the manager. False where none was running.

        Raises:
            StepError: it does not come to an end.
        """
        process = self._process()
        if process is None:
            return False
        with suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(SHUTDOWN_SECONDS)
            except psutil.TimeoutExpired as error:
                raise StepError(
                    f"the process manager (process {process.pid}) does not end",
                    f"Kill it: its programs end with it. Its log: {self.run / 'logs' / 'supervisord.log'}.",
                ) from error
        return True

    def _process(self) -> psutil.Process | None:
        """The manager's process, unless the file with its id is a leftover."""
        try:
            process = psutil.Process(int((self.run / "supervisord.pid").read_text(encoding="ascii")))
            return process if process.environ().get("STACK_RUN") == str(self.run) else None
        except (OSError, ValueError, psutil.Error):
            return None

    def _started_with(self, variable: str) -> str | None:
        process = self._process()
        return process.environ().get(variable) if process else None

    def _call(self, method: str, *arguments: Any) -> Any:
        """Raises OSError or HTTPException where the manager does not answer, Fault where it refuses."""
        with ServerProxy("http://localhost", transport=UnixTransport(self._socket)) as proxy:
            return getattr(proxy.supervisor, method)(*arguments)

    @cached_property
    def _socket(self) -> Path:
        """In the run folder; where that path is too long for a socket, in a private folder for temporary files."""
        usual = self.run / "supervisor.sock"
        if len(os.fsencode(usual)) <= SOCKET_PATH_BYTES:
            return usual
        folder = Path(tempfile.gettempdir()) / f"tillroll-{os.geteuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
        if folder.is_symlink() or status.st_uid != os.geteuid() or status.st_mode & 0o077:
            raise ConfigurationError(
                f"{folder} is not private to you", "Remove it, or set TMPDIR to a folder of yours."
            )
        return folder / f"{hashlib.sha256(os.fsencode(usual)).hexdigest()[:16]}.sock"

    def _variables(self) -> dict[str, str]:
        return {
            # By name: in a command line, a path with a space or a quote would fall apart.
            "STACK_PYTHON": Path(sys.executable).name,
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
            "STACK_CHECKOUT": str(ROOT),
            "STACK_RUN": str(self.run),
            "STACK_SOCKET": str(self._socket),
            "STACK_POSTGRES": "true" if uses_embedded_postgres(self.settings) else "false",
            "STACK_INBOX": "false" if self.settings.smtp_url else "true",
            "STACK_SETTINGS": json.dumps(started_with.described(self.settings)),
            "STACK_CODE": started_with.code_id(),
            "TILLROLL_DATA_DIR": str(self.settings.data),
        }
