"""A storm: a thousand failures within a minute, what people get of it, and what it costs the sentinel.

    make alert-storm                              and the figures in docs/alerts.md

The failures come the way that those of tasks come: by the callback, from as many processes as Airflow runs on a laptop,
each with its own text and traceback. Installation, sentinel and mail server are real.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from types import SimpleNamespace

import psutil

from benchmarks.alerts.mail_server import Arrived
from benchmarks.alerts.matrix import NEVER, PAGE, SETTLE_S
from benchmarks.alerts.site import Site, open_site, wait_for
from benchmarks.alerts.strikes import server_of
from benchmarks.figures import write_table
from pipeline.airflow_support.callbacks import alert_failure
from pipeline.alerts.outbox import Outbox
from pipeline.errors import DataError

PROCESSES = 4
DAGS = 40


@dataclass(frozen=True)
class Sentinel:
    """What its process has taken so far: seconds of CPU, and the most memory at any time."""

    cpu_s: float
    peak_mb: float

    @classmethod
    def now(cls, process: psutil.Process) -> "Sentinel":
        times = process.cpu_times()
        lines = Path(f"/proc/{process.pid}/status").read_text("ascii").splitlines()
        (peak_kb,) = (int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
        return cls(times.user + times.system, peak_kb / 1024)


@dataclass(frozen=True)
class Storm:
    """What came of it."""

    failures: int
    began: datetime
    ended: datetime
    mails: Sequence[Arrived]
    before: Sentinel
    after: Sentinel

    @property
    def told(self) -> int:
        """How many alerts the mails tell of."""
        return sum(mail.alerts for mail in self.mails)

    @property
    def seconds(self) -> float:
        return (self.ended - self.began).total_seconds()

    @property
    def is_as_it_should_be(self) -> bool:
        """All are told of: one at once, and the others in one digest for each minute that the storm lasts."""
        first, *digests = (mail.alerts for mail in self.mails)
        return (first, self.told) == (1, self.failures) and len(digests) <= 1 + self.seconds // 60


def report(number: int) -> None:
    """One failure, reported as a task's process does."""
    now, dag = datetime.now(UTC), f"trial_{number % DAGS}"
    log_url = f"http://127.0.0.1/dags/{dag}/runs/manual__{number}/tasks/work"
    task = SimpleNamespace(
        dag_id=dag, task_id="work", run_id=f"manual__{number}", try_number=1, start_date=now, end_date=now,
        log_url=log_url,
    )  # fmt: skip
    try:
        raise DataError(f"sale {number}: the rows are not the source's", "Run the extract step again.")
    except DataError as error:
        alert_failure({"ti": task, "partition_key": "2025-01-03", "exception": error})


def rage(site: Site, failures: int) -> Storm:
    """Let it storm, and wait until people have heard of everything, and for what should not come."""
    sentinel = server_of(site, "sentinel")
    before, began = Sentinel.now(sentinel), datetime.now(UTC)
    own = {"TILLROLL_DATA_DIR": str(site.settings.data), "TILLROLL_SMTP_URL": site.mail.url}
    with ProcessPoolExecutor(PROCESSES, get_context("spawn"), initializer=_use, initargs=(own,)) as processes:
        list(processes.map(report, range(failures), chunksize=10))
    ended = datetime.now(UTC)
    # On a machine that is busy with more, callbacks leave to the sentinel what it would find in Airflow.
    kept = sum(entry.recorded_at > began for entry in Outbox.of(site.settings.data).entries(limit=2 * failures))
    wait_for("all have been told of", lambda: sum(mail.alerts for mail in _since(site, began)) >= kept)
    after = Sentinel.now(sentinel)
    time.sleep(SETTLE_S)
    return Storm(failures, began, ended, _since(site, began), before, after)


def _since(site: Site, moment: datetime) -> Sequence[Arrived]:
    return [mail for mail in site.mail.arrived if mail.at > moment]


def _use(variables: Mapping[str, str]) -> None:
    os.environ.update(variables)


def figures(storm: Storm) -> str:
    """Markdown."""
    mails = "; ".join(
        f"{mail.alerts:,} after {(mail.at - storm.began).total_seconds():.1f} s ({mail.size / 1000:,.0f} kB)"
        for mail in storm.mails
    )
    verdict = "as it should be" if storm.is_as_it_should_be else "**FAILED**"
    return f"""| | |
|---|---|
| failures reported by callbacks of {PROCESSES} processes | {storm.failures:,} in {storm.seconds:.0f} s |
| mails, with the alerts that each tells of | {len(storm.mails)}: {mails} |
| alerts that arrived | {storm.told:,}, {verdict} |
| the sentinel's CPU time, from the first failure to the last mail | {storm.after.cpu_s - storm.before.cpu_s:.1f} s |
| its peak memory | {storm.after.peak_mb:.0f} MB; {storm.before.peak_mb:.0f} MB before |

{datetime.now(UTC):%Y-%m-%d}, `make alert-storm`."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--failures", type=int, default=1000, help="how many (default: %(default)s)")
    parser.add_argument("--write", action="store_true", help="put the figures into docs/alerts.md")
    chosen = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="tillroll-alerts-") as folder,
        open_site(Path(folder), NEVER) as site,
    ):
        site.wait_until_alone()
        storm = rage(site, chosen.failures)
    print(text := figures(storm))
    if chosen.write:
        write_table("alert-storm", text, PAGE)
    return int(not storm.is_as_it_should_be)


if __name__ == "__main__":
    sys.exit(main())
