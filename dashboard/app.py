"""The dashboard as Streamlit runs it: once for each thing that a person does on a page.

What several people share is kept between these runs: the report, the settings, and the answers of the marts.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from dashboard.answers import Marts, RepublishedError
from dashboard.marts import open_marts
from dashboard.page import show_nothing_published, show_page
from dashboard.reading import Reading
from dashboard.report import Page, Report, load_report
from pipeline.errors import TillrollError
from pipeline.settings import Settings

# How often an open page looks whether something has been published.
LOOK_S = 10

# A sign of Streamlit's own would be fetched from another machine.
ICON = Path(__file__).with_name("icon.svg")


@dataclass(frozen=True, slots=True)
class Shared:
    """What all pages of all people have in common."""

    settings: Settings
    report: Report
    marts: Marts


@st.cache_resource(show_spinner=False)
def shared() -> Shared:
    """Made once for the whole process."""
    settings = Settings.load()
    return Shared(settings, load_report(), open_marts(settings))


def main() -> None:
    """Show the page that the address names."""
    st.set_page_config(page_title="Tillroll", page_icon=str(ICON), layout="wide")
    try:
        common = shared()
    except TillrollError as error:
        _show_error(error)
        return
    pages = [
        st.Page(_shower(page, common), title=page.title, icon=page.icon, url_path=page.name, default=not position)
        for position, page in enumerate(common.report.pages)
    ]
    st.navigation(pages).run()


def _shower(page: Page, common: Shared) -> Callable[[], None]:
    def show() -> None:
        try:
            version = common.marts.version()
            _watch(version, common.marts)
            if version is None:
                st.title(page.title, anchor=False)
                show_nothing_published()
                return
            show_page(page, Reading(common.report, common.marts, version), common.settings)
        except RepublishedError:
            st.rerun()
        except TillrollError as error:
            _show_error(error)
            _try_again(time.monotonic())

    return show


@st.fragment(run_every=LOOK_S)
def _watch(version: str | None, marts: Marts) -> None:
    """Load the page anew once something has been published. What cannot be asked now, may be at the next look."""
    try:
        now = marts.version()
    except TillrollError:
        return
    if now != version:
        st.rerun()


@st.fragment(run_every=LOOK_S)
def _try_again(shown_at: float) -> None:
    """Load the page anew a while after an error was shown: what was away may be back."""
    if time.monotonic() - shown_at > LOOK_S / 2:
        st.rerun()


def _show_error(error: TillrollError) -> None:
    st.error(f"{error.message}\n\n**Remedy:** {error.remedy}", icon=":material/error:")


main()
