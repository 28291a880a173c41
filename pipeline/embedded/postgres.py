"""The embedded PostgreSQL: up as long as somebody uses it.

Users hold a shared lock on one file. The first starts the server under a keeper; the keeper stops it once nobody holds
the lock. So commands that run at once share a server, none stops it under another, and since the system drops the locks
of dead processes, no server outlives its users even when they are killed. The process manager's program is a user like
the others (`postgres_service`).
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import quote

import psycopg
from filelock import FileLock, Timeout

from pipeline.embedded import ports, privileges
from pipeline.embedded.cluster import Cluster
from pipeline.embedded.databases import OWNERS, ensure_database, owner_of
from pipeline.embedded.folders import make_folder
from pipeline.embedded.locks import UseLock
from pipeline.errors import ConfigurationError, StepError, TransientError
from pipeline.settings import Settings

START_SECONDS = 60.0
STOP_SECONDS = 60.0
LOG_BYTES = 5_000_000


class EmbeddedPostgres:
    """The server whose cluster lies in the data folder. One object is one user of it.

    `server_settings` are PostgreSQL's own, for instance fsync="off"; they count when this user starts the server.
    """

    def __init__(self, settings: Settings, **server_settings: str) -> None:
        self.settings = settings
        self.server_settings = server_settings
        self.folder = settings.data / "postgres"
        self.cluster = Cluster(self.folder, settings.postgres_bin)
        self.log = self.folder / "server.log"
        self._users = UseLock(self.folder / "in-use.lock")
        self._keeper: int | None = None

    def start(self) -> None:
        """Use the server, starting it (and making the cluster, roles and databases) when it is not running.

        Raises:
            ConfigurationError: it cannot run with these settings.
            StepError: it did not start; the message holds the end of its log.
            TransientError: another process is stopping or starting it and does not come to an end.
        """
        make_folder(self.folder)
        if not self._users.use(STOP_SECONDS):
            raise TransientError("the embedded PostgreSQL does not come to a stop", self._remedy)
        try:
            with FileLock(self.folder / "start.lock", timeout=START_SECONDS):
                if not self.is_running():
                    self._launch()
                self._set_up()  # also what another process has launched, which may have been killed since
        except Timeout as error:
            self._users.release()
            raise TransientError("another process does not finish to start PostgreSQL", self._remedy) from error
        except BaseException:
            self._users.release()
            raise

    def stop(self) -> None:
        """Stop using the server. When nobody else does, it is stopped, and this returns once it is."""
        self._users.release()
        deadline = time.monotonic() + STOP_SECONDS
        while self._is_stopping() and time.monotonic() < deadline:
            time.sleep(0.02)

    @contextmanager
    def running(self) -> Iterator["EmbeddedPostgres"]:
        """Use the server for as long as the context lasts."""
        self.start()
        try:
            yield self
        finally:
            self.stop()

    def is_running(self) -> bool:
        """Whether the server accepts connections."""
        return self.cluster.ready_port() is not None

    def url(self, database: str, role: str | None = None) -> str:
        """`postgresql://…` of a database, signing in as its owner, or as `role`; whether or not the server runs."""
        user = role or owner_of(database)
        address = ports.address(self.settings, self.cluster.ready_port() or ports.port(self.settings, "postgres"))
        return f"postgresql://{user}:{quote(self.cluster.password(user), safe='')}@{address}/{quote(database)}"

    def _launch(self) -> None:
        run_as = self.cluster.create()
        self.cluster.forget_dead_server()
        command = self._command(run_as, ports.port_to_listen(self.settings, "postgres"))
        if self.log.exists() and self.log.stat().st_size > LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        log = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        written_before = os.lseek(log, 0, os.SEEK_END)
        try:
            # Not a Popen: the keeper may outlive this process, and other users its first.
            files: list[tuple[object, ...]] = [(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)]
            files += [(os.POSIX_SPAWN_DUP2, log, standard) for standard in (1, 2)]
            self._keeper = os.posix_spawn(command[0], command, self.cluster.environment(), file_actions=files)
        finally:
            os.close(log)
        self._wait_until_ready(written_before)

    def _command(self, run_as: str, port: int) -> list[str]:
        server_settings = {
            "listen_addresses": self.settings.host,
            "port": port,
            "unix_socket_directories": "",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "log_checkpoints": "off",
            "max_connections": 100,
            **self.server_settings,
        }
        postgres = [str(self.cluster.bin / "postgres"), "-D", str(self.cluster.data)]
        postgres += [f"--{name.replace('_', '-')}={value}" for name, value in server_settings.items()]
        # SIGINT is PostgreSQL's fast shutdown: it does not wait for clients to leave.
        options = ["--stop-signal=INT", f"--grace={STOP_SECONDS}", f"--while-used={self._users.path}"]
        return privileges.keeper_command(run_as, postgres, *options)

    def _wait_until_ready(self, written_before: int) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self.is_running():
            if self._keeper_ended():
                raise StepError(f"PostgreSQL did not start: {self._log_since(written_before)}", self._remedy)
            if time.monotonic() > deadline:  # once this user lets go, the keeper ends the server
                raise StepError(
                    f"PostgreSQL was not ready within {START_SECONDS:.0f} s: {self._log_since(written_before)}",
                    self._remedy,
                )
            time.sleep(0.02)

    def _keeper_ended(self) -> bool:
        """Whether the keeper that this process started, if it started one, is gone; sees it off if so."""
        with suppress(ChildProcessError):  # this process is a fork of the one that started it
            if self._keeper is not None and not os.waitpid(self._keeper, os.WNOHANG)[0]:
                return False
        self._keeper = None
        return True

    def _is_stopping(self) -> bool:
        is_there = not self._keeper_ended() or self.cluster.server() is not None
        return is_there and not self._users.is_used()

    def _set_up(self) -> None:
        try:
            with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
                for database in OWNERS:
                    ensure_database(connection, self.cluster, database)
        except psycopg.OperationalError as error:
            raise ConfigurationError(
                f"cannot set up the embedded PostgreSQL: {error}",
                f"Does {self.cluster.secrets.path} belong to the cluster in {self.cluster.data}?",
            ) from error

    @property
    def _remedy(self) -> str:
        return f"The whole log is {self.log}. To start with an empty database, move {self.folder} away."

    def _log_since(self, offset: int) -> str:
        with self.log.open("rb") as log:
            log.seek(offset)
            lines = log.read().decode("utf-8", "replace").splitlines()
        return " | ".join(lines[-8:]) or "it wrote nothing"
