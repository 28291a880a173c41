"""The matrix of alerts: failures of every class, in real installations, and how each was heard of.

    make alert-matrix                             all of them, and the table in docs/alerts.md
    make alert-matrix REFUSED_FOR=60              with a mail server that is away for a minute only
    python -m benchmarks.alerts.matrix --only tasks --only mail

Three installations are played at once: tasks, servers and mail. In each, a failure is provoked once no alert was
raised for a minute: what comes sooner is told of together. At the end every mail is counted, under the titles that it
tells of.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

from benchmarks.alerts.classes import mail, servers, tasks
from benchmarks.alerts.failure_class import FailureClass, Outcome, judge, play, unexpected
from benchmarks.alerts.site import open_site
from benchmarks.alerts.table import row, table
from benchmarks.figures import write_table
from pipeline.settings import ROOT

PAGE = ROOT / "docs" / "alerts.md"
# For a second mail about the same to come, in a digest too.
SETTLE_S = 75.0
# When the day of `nothing ran` is late: about when the other servers have been killed.
LATE_IN = timedelta(minutes=10)
NEVER = timedelta(days=1)


def played(name: str, classes: Sequence[FailureClass], folder: Path) -> tuple[list[Outcome], list[str]]:
    """What came of each class, one after the other, in an installation of their own, and mails nobody expected."""
    with open_site(folder / name, LATE_IN if name == "servers" else NEVER) as site:
        print(f"{name}: the servers are up", flush=True)
        begun = []
        for of in classes:
            begun.append((of, play(site, of)))
            print(f"{name}: {row(judge(site, *begun[-1]))}", flush=True)
        time.sleep(SETTLE_S)
        return [judge(site, *one) for one in begun], [f"{name}: {title}" for title in unexpected(site, classes)]


def chosen_classes(refused_for_s: float, only: Sequence[str]) -> Mapping[str, Sequence[FailureClass]]:
    """The classes by installation."""
    groups = {"tasks": tasks(), "servers": servers(), "mail": mail(refused_for_s)}
    return {name: classes for name, classes in groups.items() if name in (only or groups)}


def main() -> int:
    chosen = _arguments()
    groups, started = chosen_classes(chosen.refused_for, chosen.only), time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="tillroll-alerts-") as folder,
        ThreadPoolExecutor(max_workers=chosen.at_once) as threads,
    ):
        found = list(threads.map(lambda name: played(name, groups[name], Path(folder)), groups))
    outcomes = [outcome for of_group, _ in found for outcome in of_group]
    strangers = [title for _, of_group in found for title in of_group]
    text = table(outcomes, strangers, time.monotonic() - started)
    print(text)
    if not chosen.only:
        write_table("alert-matrix", text, PAGE)
    return int(bool(strangers) or any(outcome.problem for outcome in outcomes))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--refused-for", type=float, default=600.0, help="seconds (default: %(default)s)")
    parser.add_argument("--at-once", type=int, default=3, help="installations (default: %(default)s)")
    parser.add_argument(
        "--only", action="append", default=[], choices=["tasks", "servers", "mail"], help="these; writes no table"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
