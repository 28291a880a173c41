"""All of the laptop's servers together: up, down, and how they are."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from filelock import FileLock, Timeout

from pipeline.embedded import ports
from pipeline.embedded.folders import make_folder
from pipeline.embedded.health import Health, stack_health
from pipeline.embedded.locks import UseLock
from pipeline.embedded.manager import Manager, Program
from pipeline.errors import ConfigurationError, StepError, TransientError
from pipeline.settings import Settings

logger = logging.getLogger(__name__)

UP_SECONDS = 300.0
LEFTOVER_SECONDS = 60.0
CRASHES = 3
LOG_LINES = 12


class Stack:
    """The servers of one data folder, under their process manager."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.manager = Manager(settings)
        self._lock = settings.data / "run" / "up.lock"

    def up(self, watch: Callable[[Sequence[Health]], None] = lambda _: None) -> bool:
        """Start what is not running, and wait until every server answers. `watch` is told each time they were asked.

        Returns:
            False where everything was up already.

        Raises:
            ConfigurationError: Airflow is elsewhere.
            StepError: a server keeps crashing or does not answer in time; names its log and shows its end.
            TransientError: another `up` or `down` is at work and does not come to an end.
        """
        if self.settings.airflow_api_url is not None:
            raise ConfigurationError(
                f"TILLROLL_AIRFLOW_API_URL says that Airflow is elsewhere: {self.settings.airflow_api_url}",
                "Start it there. In a container of docker-compose.yml it runs already.",
            )
        with self._alone():
            if self.manager.is_running():
                self._say_what_has_changed()
                started = self._start_what_is_down()
                self._wait_until_healthy(watch)
                return started
            self._start()
            try:
                self._wait_until_healthy(watch, since=datetime.now(UTC))
            except StepError:
                self.manager.shut_down()  # the next start begins with the settings of then
                raise
            return True

    def down(self) -> bool:
        """Stop every server, and wait until nothing of them is left. False where nothing was running.

        Raises:
            StepError: something does not end.
            TransientError: another `up` or `down` is at work and does not come to an end.
        """
        with self._alone():
            stopped = self.manager.shut_down()
            self._wait_for_leftovers()
            return stopped

    def is_up(self) -> bool:
        """Whether the process manager runs; its servers may still be starting."""
        return self.manager.is_running()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        make_folder(self._lock.parent)
        lock = FileLock(self._lock, timeout=UP_SECONDS)
        try:
            lock.acquire()
        except Timeout as error:
            raise TransientError("another `tillroll up` or `down` does not come to an end", "Try again.") from error
        try:
            yield
        finally:
            lock.release()

    def _say_what_has_changed(self) -> None:
        """Running servers keep the settings and the code they began with."""
        if changed := self.manager.changed_settings():
            logger.warning("changed since the servers were started: %s; `tillroll down` first", ", ".join(changed))
        if self.manager.code_has_changed():
            logger.warning("the code changed since the servers started: `tillroll down`, then `tillroll up`")

    def _start(self) -> None:
        self._wait_for_leftovers()
        for server in (
            "airflow",
            "airflow_logs",
            "dashboard",
            "sentinel",
            *(() if self.settings.smtp_url else ("smtp",)),
        ):
            ports.port_to_listen(self.settings, server)
        self.manager.start()

    def _start_what_is_down(self) -> bool:
        down = [program for program in self.manager.programs() if program.is_wanted and not program.is_up]
        self.manager.start_again(down)
        return bool(down)

    def _wait_for_leftovers(self) -> None:
        """Wait for programs whose manager was killed: they are about to end, and hold ports until they have."""
        programs = UseLock(self.settings.data / "run" / "stack.lock")
        try:
            if not programs.take_over(LEFTOVER_SECONDS):
                raise StepError(
                    f"a server of an earlier start does not end (it holds {programs.path})",
                    "`tillroll down` may end it; else find it and end it.",
                )
        finally:
            programs.release()

    def _wait_until_healthy(self, watch: Callable[[Sequence[Health]], None], since: datetime | None = None) -> None:
        deadline = time.monotonic() + UP_SECONDS
        ends: dict[str, set[int]] = {}
        while True:
            servers = stack_health(self.settings, since)
            watch(servers)
            if all(server.ok for server in servers):
                return
            for program in self.manager.programs():
                ends.setdefault(program.name, set()).add(program.ended_at)
                if program.state == "FATAL" or len(ends[program.name]) > CRASHES:
                    raise StepError(f"{program.name} keeps crashing: {_end_of(program)}", f"Its log: {program.log}.")
            if time.monotonic() > deadline:
                silent = ", ".join(f"{server.server} ({server.detail})" for server in servers if not server.ok)
                raise StepError(f"not up within {UP_SECONDS:.0f} s: {silent}", f"Logs: {self.manager.run / 'logs'}.")
            time.sleep(0.25)


def _end_of(program: Program) -> str:
    try:
        lines = program.log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        return str(error)
    return "\n".join(lines[-LOG_LINES:]) or "it wrote nothing"
