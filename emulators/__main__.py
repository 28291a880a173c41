"""Run a command against the emulated Google Cloud: `python -m emulators --data FOLDER -- COMMAND…`.

Both emulators start, with their state below FOLDER, where it stays for the next time. COMMAND gets the settings with
which Tillroll works there, and nothing else is different for it. Both stop when it has ended, however it ended. Its
exit code is this one's. A signal to end is passed on to it, and to what it has started.
"""

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from emulators.servers import EmulatorError, running

BUCKET = "tillroll-lake"
PROJECT = "tillroll-local"
LOCATION = "EU"
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command, and give its exit code."""
    parser = argparse.ArgumentParser(prog="python -m emulators", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the data folder, TILLROLL_DATA_DIR for the command")
    parser.add_argument("command", nargs="+", metavar="COMMAND", help="what to run, after `--`")
    options = parser.parse_args(arguments)
    data = options.data.resolve()
    for number in SIGNALS:
        signal.signal(number, _leave)
    try:
        with running(data / "google", keep=True, buckets=[BUCKET]) as servers:
            return _run(options.command, {**os.environ, **servers.environment(), **settings(data)})
    except (EmulatorError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 2


def settings(data: Path) -> dict[str, str]:
    """Tillroll's settings for the emulated cloud."""
    return {
        "TILLROLL_LAKE_URL": f"gs://{BUCKET}",
        "TILLROLL_WAREHOUSE_URL": f"bigquery://{PROJECT}/{LOCATION}",
        "TILLROLL_GOOGLE_CREDENTIALS": "anonymous",
        "TILLROLL_DATA_DIR": str(data),
    }


def _leave(number: int, _: object) -> None:
    """While the emulators start or stop, there is no command to pass a signal on to."""
    sys.exit(128 + number)


def _run(command: Sequence[str], environment: dict[str, str]) -> int:
    started: list[subprocess.Popen[bytes]] = []
    told: list[int] = []
    waiting: list[int] = []

    def pass_on(number: int, _: object) -> None:
        if not told:  # the command is cleaning up when a second one comes
            told.append(number)
            waiting.append(number)
            tell()

    def tell() -> None:
        if started and waiting:
            os.killpg(started[0].pid, waiting.pop())

    # Before the command is there, or a signal that comes as it starts would end this process and leave the command.
    for number in SIGNALS:
        signal.signal(number, pass_on)
    # A group of its own: what ends the command reaches what it runs, and comes to it once only, through here.
    started.append(subprocess.Popen(command, env=environment, process_group=0))
    tell()
    code = started[0].wait()
    for number in SIGNALS:
        signal.signal(number, _leave)
    return 128 - code if code < 0 else code


if __name__ == "__main__":
    sys.exit(main())
