"""A person at the dashboard, played by a real browser: what they see, what they pick, and what goes wrong meanwhile.

The browser is the system's Chromium; nothing is fetched for it.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import urlencode

from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, Response, sync_playwright

WIDE, PHONE = (1280, 900), (390, 844)
PATIENCE_MS = 120_000
CHROMIUM = next(
    (found for found in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if found), None
)

# On a page of its own address Streamlit first looks for its server under that address, does not find it, and goes on.
LOOKED_FOR = ("/_stcore/health", "/_stcore/host-config")

_DONE = """() => {
    const app = document.querySelector('[data-testid=stApp]');
    return app && app.dataset.testScriptState === 'notRunning' && app.dataset.testConnectionState === 'CONNECTED'
        && !document.querySelector('[data-testid=stSpinner], [data-testid=stSkeleton]')
        && [...document.querySelectorAll('[data-testid=stVegaLiteChart]')].every(chart => chart.querySelector('svg'));
}"""
MARKS = ".role-mark:is(.mark-rect, .mark-symbol, .mark-area) path"
_LAST = "Show the rows behind this page"


@dataclass
class Visit:
    """One window on the dashboard at `url`. `complaints` are what the browser found wrong, and requests elsewhere."""

    url: str
    page: Page
    size: tuple[int, int] = WIDE
    complaints: list[str] = field(default_factory=list)

    def open(self, page: str = "", **address: str) -> None:
        """Go to a page, and wait until it is all there."""
        query = f"?{urlencode(address)}" if address else ""
        self.page.goto(f"{self.url}/{page}{query}".rstrip("/"))
        self.wait()

    def wait(self) -> None:
        """Until the page has all that it is going to have, the switch at its end too."""
        self.page.get_by_text(_LAST).wait_for(timeout=PATIENCE_MS)
        self.page.wait_for_function(_DONE, timeout=PATIENCE_MS)
        self.page.wait_for_timeout(500)
        self.page.wait_for_function(_DONE, timeout=PATIENCE_MS)

    def go(self, title: str) -> None:
        """Go to another page as people do, by its name beside this one."""
        self.page.get_by_role("link", name=title).click()
        self.page.get_by_role("heading", name=title, exact=True).wait_for(timeout=PATIENCE_MS)
        self.wait()

    def title(self) -> str:
        return self.page.locator("h1").inner_text()

    def card(self, label: str) -> str:
        """The number on a scorecard."""
        card = self.page.locator("[data-testid=stMetric]", has_text=label).first
        return card.locator("[data-testid=stMetricValue]").inner_text()

    def charts(self) -> list[Locator]:
        """The charts, from top to bottom."""
        return self.page.locator("[data-testid=stVegaLiteChart] svg").all()

    def choose(self, label: str, option: str) -> None:
        """Choose one value of a filter."""
        field = self.page.locator("[data-testid=stMultiSelect]", has_text=label).locator("input")
        field.click()
        field.fill(option)
        self.page.get_by_role("option", name=option, exact=True).first.click()
        self.page.keyboard.press("Escape")
        self.wait()

    def pick(self, chart: Locator) -> None:
        """Click on the first mark of a chart."""
        chart.locator(MARKS).first.click()
        self.wait()

    def whole(self, file: Path, highest: int = 3_000) -> None:
        """A picture of all of the page, and not only of what fits into the window."""
        width, least = self.size
        height = self.page.evaluate("document.querySelector('[data-testid=stMainBlockContainer]').scrollHeight")
        self.page.set_viewport_size({"width": width, "height": min(max(int(height), least), highest)})
        self.page.wait_for_timeout(800)
        self.page.screenshot(path=file)
        self.page.set_viewport_size({"width": width, "height": least})

    def _listen(self) -> None:
        def console(message: ConsoleMessage) -> None:
            if message.type == "error" and not (message.location.get("url") or "").endswith(LOOKED_FOR):
                self.complaints.append(f"console: {message.text}")

        def answered(response: Response) -> None:
            if response.status >= 400 and not response.url.endswith(LOOKED_FOR):
                self.complaints.append(f"{response.status}: {response.url}")

        self.page.on("console", console)
        self.page.on("response", answered)
        self.page.on("pageerror", lambda error: self.complaints.append(f"page: {error}"))
        self.page.on("request", lambda request: self._hear(request.url))
        self.page.on("websocket", lambda socket: self._hear(socket.url))

    def _hear(self, url: str) -> None:
        host = self.url.removeprefix("http://")
        if not url.startswith((f"http://{host}/", f"ws://{host}/", "data:", f"blob:http://{host}/")):
            self.complaints.append(f"asked elsewhere: {url}")


def marks(chart: Locator) -> int:
    """How many bars, points or cells a chart has."""
    return chart.locator(MARKS).count()


@contextmanager
def browser() -> Iterator[Browser]:
    """The system's browser, without a window."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        yield started
        started.close()


@contextmanager
def visit(
    running: Browser, url: str, size: tuple[int, int] = WIDE, scheme: Literal["light", "dark"] = "light"
) -> Iterator[Visit]:
    """A window of this size; people who have never been here."""
    context = running.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)
    context.set_default_timeout(PATIENCE_MS)
    found = Visit(url, context.new_page(), size)
    found._listen()
    yield found
    context.close()
