"""Pictures of every page of a running dashboard, wide and as on a phone: `make screenshots`, into docs/pictures/.

python -m benchmarks.dashboard_pictures --into FOLDER --scheme dark       the same, elsewhere and in the dark
"""

import argparse
import sys
from pathlib import Path

from benchmarks.dashboard_walk import CHROMIUM, PHONE, WIDE, Visit, browser, marks, visit
from dashboard.report import load_report
from pipeline.embedded.health import dashboard_health
from pipeline.embedded.urls import dashboard_url
from pipeline.settings import ROOT, Settings

PICTURES = ROOT / "docs" / "pictures"
LARGEST = 250_000


def main() -> None:
    """Look at every page; ends with what is wrong."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--into", type=Path, default=PICTURES)
    arguments.add_argument("--scheme", choices=["light", "dark"], default="light")
    chosen = arguments.parse_args()
    settings = Settings.load()
    if CHROMIUM is None:
        sys.exit("error: there is no chromium\n  remedy: install it: apt-get install chromium")
    if not dashboard_health(settings).ok:
        sys.exit("error: the dashboard does not answer\n  remedy: tillroll up, and tillroll chain for a day to show")
    chosen.into.mkdir(parents=True, exist_ok=True)
    complaints = []
    with browser() as running:
        for name, size in (("wide", WIDE), ("phone", PHONE)):
            with visit(running, dashboard_url(settings), size, chosen.scheme) as window:
                for page in load_report().pages:
                    complaints += [f"{page.name} {name}: {fault}" for fault in _faults(window, page.name)]
                    complaints += _taken(window, chosen.into / f"dashboard-{page.name}-{name}.png")
    sys.exit("\n".join(complaints) or None)


def _faults(window: Visit, page: str) -> list[str]:
    window.open("" if page == load_report().pages[0].name else page)
    empty = sum(marks(chart) == 0 for chart in window.charts())
    found = [*window.complaints, *([f"{empty} empty charts"] if empty else [])]
    window.complaints.clear()
    return found


def _taken(window: Visit, file: Path) -> list[str]:
    window.whole(file)
    size = file.stat().st_size
    print(f"{file}  {size / 1000:.0f} kB")
    return [f"{file} is larger than {LARGEST / 1000:.0f} kB"] if size > LARGEST else []


if __name__ == "__main__":
    main()
