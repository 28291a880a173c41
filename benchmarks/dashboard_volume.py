"""How fast the dashboard's pages are, and what memory they take, as the shop grows: `make bench-dashboard`.

A file of marts is made at the reference volume and at ten million order lines (`bi_tables`), the dashboard is started
over it as `tillroll up` starts it, and a headless Chromium opens each page, each time as a visitor who has nothing
cached: once after a publication, when no answer is kept, and once again. The clock runs from the request until every
scorecard and chart of the page is drawn. Memory is the dashboard's process: the browser is another.
"""

import argparse
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import duckdb
import psutil

from benchmarks.bi_tables import LAST_DAY, REFERENCE, TEN_MILLION_LINES, Volume, make_tables
from benchmarks.dashboard_visits import Visit, chromium, served, visit
from benchmarks.figures import write_table
from dashboard.file_marts import FileMarts
from dashboard.looking import latest_days
from dashboard.queries import DUCKDB, Queries
from dashboard.report import Page, Report, load_report
from pipeline.settings import ROOT, Settings

DOCUMENT = ROOT / "docs" / "dashboard.md"
MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class PageTimes:
    """Of one page: its queries alone, the first visit after a publication, and the next."""

    page: Page
    queries_s: float
    first: Visit
    again: Visit


@dataclass(frozen=True, slots=True)
class VolumeTimes:
    """Of one volume. Memory in MB: when the server answers, and the most it took for all visits."""

    volume: Volume
    file_mb: float
    pages: tuple[PageTimes, ...]
    idle_mb: float
    peak_mb: float


def measure(report: Report, volume: Volume, folder: Path) -> VolumeTimes:
    """Make the marts, serve them, and visit every page."""
    settings = Settings(_env_file=None, data_dir=folder)
    marts = Path(settings.marts)
    make_marts(marts, volume)
    queries = {page.name: queries_s(report, page, settings) for page in report.pages}
    with served(folder) as (url, process), chromium() as browser:
        idle = memory_mb(process)
        for page in report.pages:  # so that what is imported and compiled once is there
            visit(browser, url, process, page)
        os.utime(marts)  # as a publication does: every kept answer is of another version now
        first = {page.name: visit(browser, url, process, page) for page in report.pages}
        again = {page.name: visit(browser, url, process, page) for page in report.pages}
        peak = memory_mb(process, peak=True)
    pages = tuple(PageTimes(p, queries[p.name], first[p.name], again[p.name]) for p in report.pages)
    return VolumeTimes(volume, marts.stat().st_size / MEGABYTE, pages, idle, peak)


def make_marts(file: Path, volume: Volume) -> None:
    """The file that a run would publish."""
    file.parent.mkdir(parents=True)
    config = {"memory_limit": "3GB", "temp_directory": str(file.parent / "spilled")}
    with duckdb.connect(str(file), config=config) as connection:
        make_tables(connection, volume)


def queries_s(report: Report, page: Page, settings: Settings) -> float:
    """Seconds that all queries of a page take, one after the other, without the dashboard."""
    marts = FileMarts(Path(settings.marts), settings.warehouse_memory)
    version = marts.version() or ""
    started = time.monotonic()
    for query in Queries(report, DUCKDB).of_page(page, latest_days(LAST_DAY)).values():
        marts.read(query, version)
    return time.monotonic() - started


def memory_mb(process: psutil.Process, *, peak: bool = False) -> float:
    """Resident memory of a process, now or at its most (Linux's VmHWM)."""
    if not peak:
        return process.memory_info().rss / MEGABYTE
    status = Path(f"/proc/{process.pid}/status").read_text("utf-8")
    [line] = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024 / MEGABYTE


def table(measured: list[VolumeTimes]) -> str:
    """A line for each page and volume."""
    lines = [
        "| order lines, days | page | its queries | first paint | all drawn | the server's part | next visit |",
        "|---|---|---|---|---|---|---|",
    ]
    for found in measured:
        what = f"{found.volume.lines:,} · {found.volume.days:,}"
        for p in found.pages:
            seconds = (p.queries_s, p.first.painted, p.first.drawn, p.first.server, p.again.drawn)
            lines.append(f"| {what} | {p.page.title} | {' | '.join(f'{value:.2f} s' for value in seconds)} |")
    return "\n".join(lines)


def memory_table(measured: list[VolumeTimes]) -> str:
    """A line for each volume."""
    lines = ["| order lines | published file | dashboard, idle | after every page |", "|---|---|---|---|"]
    lines += [
        f"| {m.volume.lines:,} | {m.file_mb:,.0f} MB | {m.idle_mb:,.0f} MB | {m.peak_mb:,.0f} MB |" for m in measured
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reference-only", action="store_true", help="leave out the ten million lines")
    volumes = [REFERENCE] if parser.parse_args().reference_only else [REFERENCE, TEN_MILLION_LINES]
    measured = []
    for volume in volumes:
        with tempfile.TemporaryDirectory(prefix="tillroll-bench-") as folder:
            measured.append(measure(load_report(), volume, Path(folder)))
    text = f"{table(measured)}\n\n{memory_table(measured)}"
    print(text)
    if len(volumes) > 1:
        write_table("dashboard-volume", text, DOCUMENT)


if __name__ == "__main__":
    main()
