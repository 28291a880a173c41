"""The dashboard as a person has it: served by its own process, looked at with a real browser, wide and on a phone."""

import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from playwright.sync_api import Browser, expect
from published_marts import LAST, publish

from benchmarks.dashboard_walk import CHROMIUM, PATIENCE_MS, PHONE, WIDE, browser, marks, visit
from dashboard.report import load_report
from pipeline.embedded.urls import dashboard_url
from pipeline.settings import ROOT, Settings

REPORT = load_report()
START_S = 120

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium"),
]


@pytest.fixture(scope="module")
def marts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The published file of the dashboard that is served, up to the day before the last."""
    file = tmp_path_factory.mktemp("dashboard") / "warehouse" / "datamart.duckdb"
    file.parent.mkdir()
    publish(file, last=LAST - timedelta(days=1))
    return file


@pytest.fixture(scope="module")
def url(marts: Path) -> Iterator[str]:
    """Where it is served, by the program that the process manager starts."""
    settings = Settings(_env_file=None, data_dir=marts.parent.parent)
    environment = {**os.environ, "TILLROLL_DATA_DIR": str(settings.data), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-P", "-m", "dashboard.serve"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as served:
        try:
            _wait_for(f"{dashboard_url(settings)}/_stcore/health", served)
            yield dashboard_url(settings)
        finally:
            served.terminate()


def _wait_for(address: str, served: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_S
    while served.poll() is None and time.monotonic() < deadline:
        try:
            urllib.request.urlopen(address, timeout=5).close()  # noqa: S310
        except OSError:
            time.sleep(0.2)
        else:
            return
    pytest.fail("the dashboard is not served")


@pytest.fixture(scope="module")
def chromium(url: str) -> Iterator[Browser]:
    with browser() as running:
        yield running


def asked(file: Path, sql: str) -> Any:
    with duckdb.connect(str(file), read_only=True) as connection:
        return connection.execute(sql).fetchone()[0]  # type: ignore[index]


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_every_page_has_its_title_and_marks_in_its_charts(chromium: Browser, url: str, size: tuple[int, int]) -> None:
    with visit(chromium, url, size) as window:
        for page in REPORT.pages:
            window.open("" if page is REPORT.pages[0] else page.name)

            assert window.title() == page.title
            charts = window.charts()
            assert len(charts) == sum(chart.type != "table" for chart in page.charts)
            assert all(marks(chart) for chart in charts), page.name
            assert window.page.evaluate("document.documentElement.scrollWidth") <= size[0]
        assert window.complaints == []


def test_a_filter_changes_the_numbers_and_whoever_gets_the_address_sees_them(
    chromium: Browser, url: str, marts: Path
) -> None:
    with visit(chromium, url) as window, visit(chromium, url) as another:
        window.open()
        everything = window.card("Revenue")

        window.choose("Channel", "web")

        since = LAST - timedelta(days=28)
        web = asked(marts, f"select sum(revenue) from bi_sales where channel = 'web' and day >= date '{since}'")
        expect(window.page).to_have_url(re.compile(r"channel=web"), timeout=PATIENCE_MS)
        assert window.card("Revenue") == f"{web:,}" != everything
        another.page.goto(window.page.url)
        another.wait()
        assert another.card("Revenue") == f"{web:,}"
        assert window.complaints + another.complaints == []


def test_what_is_chosen_on_one_page_holds_on_the_next(chromium: Browser, url: str, marts: Path) -> None:
    with visit(chromium, url) as window:
        window.open(days="7")
        window.choose("Channel", "web")

        window.go("Payments")

        expect(window.page).to_have_url(re.compile(r"/payments\?.*channel=web"), timeout=PATIENCE_MS)
        since = LAST - timedelta(days=7)
        web = asked(marts, f"select sum(revenue) from bi_payments where channel = 'web' and day >= date '{since}'")
        assert window.card("Revenue") == f"{web:,}"
        assert window.complaints == []


def test_a_bar_leads_to_its_rows(chromium: Browser, url: str, marts: Path) -> None:
    channels = [chart.name for chart in REPORT.pages[0].charts].index("revenue-by-channel")
    with visit(chromium, url) as window:
        window.open(days="7")

        window.pick(window.charts()[channels])

        since = LAST - timedelta(days=7)
        best = asked(
            marts,
            f"select channel from bi_sales where day >= date '{since}' group by 1 order by sum(revenue) desc limit 1",
        )
        rows = asked(marts, f"select count(*) from bi_sales where channel = '{best}' and day >= date '{since}'")
        expect(window.page.get_by_text(f"Rows behind Channel {best}")).to_be_visible(timeout=PATIENCE_MS)
        expect(window.page.get_by_text(f"{rows} rows of bi_sales")).to_be_visible(timeout=PATIENCE_MS)
        with window.page.expect_download() as download:
            window.page.get_by_test_id("stDownloadButton").get_by_role("button").click()
        lines = download.value.path().read_text("utf-8").splitlines()
        assert lines[0].split(",")[:3] == ["day", "store_name", "channel"]
        assert len(lines) == rows + 1
        assert window.complaints == []


def test_a_page_whose_marts_were_away_comes_back_by_itself(chromium: Browser, url: str, marts: Path) -> None:
    away = marts.parent.rename(marts.parent.with_name("away"))
    marts.parent.write_text("a file where a folder was")
    with visit(chromium, url) as window:
        window.page.goto(url)
        expect(window.page.get_by_text("Remedy:")).to_be_visible(timeout=PATIENCE_MS)

        marts.parent.unlink()
        away.rename(marts.parent)

        expect(window.page.get_by_text("Equal to the source")).to_be_visible(timeout=PATIENCE_MS)


def test_what_is_published_appears_on_a_page_that_is_open(chromium: Browser, url: str, marts: Path) -> None:
    with visit(chromium, url) as window:
        window.open()

        publish(marts)

        expect(window.page.get_by_text(f"to {LAST.day} {LAST:%b %Y}")).to_be_visible(timeout=PATIENCE_MS)
        assert window.complaints == []
