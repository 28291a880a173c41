"""Visits to the dashboard by a headless Chromium, timed until all of a page is drawn."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
from playwright.sync_api import Browser, sync_playwright

from dashboard.report import Page
from pipeline.settings import ROOT

START_S, DRAW_MS = 120, 120_000

# Streamlit is done with the page, its scorecards are there, and each of its charts has a picture.
_DRAWN = """([scorecards, charts]) => {
    const app = document.querySelector('[data-testid="stApp"]');
    const drawn = [...document.querySelectorAll('[data-testid="stVegaLiteChart"]')]
        .filter(chart => chart.querySelector('canvas, svg'));
    return app && app.getAttribute('data-test-script-state') === 'notRunning' && drawn.length >= charts
        && document.querySelectorAll('[data-testid="stMetric"]').length >= scorecards;
}"""
_FIRST_PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime / 1000"


@dataclass(frozen=True, slots=True)
class Visit:
    """Seconds: until the browser paints something, until all is drawn, and of the server's processor for it."""

    painted: float
    drawn: float
    server: float


@contextmanager
def served(folder: Path) -> Iterator[tuple[str, psutil.Process]]:
    """The dashboard over a data folder: its address and its process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {"TILLROLL_DATA_DIR": str(folder), "TILLROLL_DASHBOARD_PORT": str(port)}
    log = (folder / "dashboard.log").open("wb")
    process = subprocess.Popen(
        [sys.executable, "-m", "dashboard.serve"], cwd=ROOT, env=environment, stdout=log, stderr=log
    )
    try:
        wait_for(f"http://127.0.0.1:{port}/_stcore/health", process)
        yield f"http://127.0.0.1:{port}", psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()
        log.close()


def wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    """Wait until the server answers."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(url, timeout=5).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    raise SystemExit(f"the dashboard does not answer at {url}")


@contextmanager
def chromium() -> Iterator[Browser]:
    """The system's browser, without a window."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not found:
        raise SystemExit("no Chromium is installed")
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=quiet)
        yield browser
        browser.close()


def visit(browser: Browser, url: str, process: psutil.Process, page: Page) -> Visit:
    """Open a page with nothing cached, and wait until all of it is drawn."""
    context = browser.new_context(viewport={"width": 1280, "height": 2400})
    tab = context.new_page()
    charts = sum(chart.type != "table" for chart in page.charts)
    before = sum(process.cpu_times()[:2])
    started = time.monotonic()
    tab.goto(f"{url}/{page.name}", wait_until="commit")
    tab.wait_for_function(_DRAWN, arg=[len(page.scorecards), charts], timeout=DRAW_MS, polling=20)
    drawn = time.monotonic() - started
    painted = float(tab.evaluate(_FIRST_PAINT))
    context.close()
    return Visit(painted, drawn, sum(process.cpu_times()[:2]) - before)
