"""What people choose beside the pages, kept in the page's address, so that whoever gets the address sees the same."""

from datetime import date, timedelta

import streamlit as st

from dashboard.formats import escaped
from dashboard.queries import View
from dashboard.reading import Published, Reading
from dashboard.report import Page

# Days back from the last published one; None for all of them, 0 for those that people name.
PERIODS: dict[str, int | None] = {"7": 7, "28": 28, "90": 90, "all": None, "dates": 0}
USUAL = "28"


def choose(page: Page, reading: Reading, published: Published) -> View:
    """Show the filters of the page, and return what is chosen."""
    with st.sidebar:
        first, last = _days(published)
        chosen = {name: _values(name, reading) for name in page.filters}
    return View(first, last, {name: values for name, values in chosen.items() if values})


def in_words(view: View, reading: Reading) -> str:
    """The choices of other things than days: `Channel: web, app · Store: Berlin`."""
    said = [f"{reading.report.filter[name].label}: {', '.join(values)}" for name, values in view.chosen.items()]
    return escaped(" · ".join(said))


def _days(published: Published) -> tuple[date, date]:
    period = st.segmented_control(
        "Last days",
        list(PERIODS),
        default=USUAL,
        required=True,
        width="stretch",
        key="days",
        bind="query-params",
        help="Back from the last published day, which is counted in.",
    )
    days = PERIODS[period or USUAL]
    if days == 0:
        return _named_days(published)
    if days is None:
        return published.first_day, published.last_day
    return max(published.first_day, published.last_day - timedelta(days=days - 1)), published.last_day


def _named_days(published: Published) -> tuple[date, date]:
    usual = max(published.first_day, published.last_day - timedelta(days=27))
    named = st.date_input(
        "From and to",
        (usual, published.last_day),
        min_value=published.first_day,
        max_value=published.last_day,
        format="YYYY-MM-DD",
        key="dates",
        bind="query-params",
    )
    match named:
        case (first, last):  # an address may name them the other way round
            return min(first, last), max(first, last)
        case (first,):  # the second is still to be chosen
            return first, first
    return usual, published.last_day


def _values(name: str, reading: Reading) -> list[str]:
    label = reading.report.filter[name].label
    found: list[str] = st.multiselect(label, reading.options(name), key=name, placeholder="all", bind="query-params")
    return found
