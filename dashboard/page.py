"""One page, from the report's specification: title, equality, scorecards, charts, and the rows behind them."""

from typing import Any

import streamlit as st

from dashboard.charts import draw
from dashboard.drill import picked_in, picked_row, show_rows, still_shown
from dashboard.figures import show_table
from dashboard.filters import choose, in_words
from dashboard.formats import days_in_words
from dashboard.health import show_equality, show_health
from dashboard.queries import View
from dashboard.reading import Published, Reading, Record
from dashboard.report import Chart, Page
from dashboard.scorecards import comparison_in_words, show_scorecards
from pipeline.settings import Settings

# Narrower than this, charts stand one below the other.
CHART_PX = 340


def show_page(page: Page, reading: Reading, settings: Settings) -> None:
    """Show the page, with the days and filters that the address or the person names.

    Raises:
        RepublishedError: another version was published meanwhile. StepError: the marts cannot be read.
    """
    published = reading.published()
    st.title(page.title, anchor=False)
    if published is None:
        show_nothing_published()
        return
    view = choose(page, reading, published)
    with st.spinner("Reading what is published …"):
        reading.page(page, view)
    show_equality(published)
    _say_what_is_shown(page, view, reading, published)
    if page.scorecards:
        show_scorecards(page, view, reading, published)
    if page.table == "bi_health":
        show_health(published, settings)
    _show_charts(page, view, reading)
    if st.toggle("Show the rows behind this page", key="rows", bind="query-params"):
        show_rows(page, view, {}, reading, page.name)


def show_nothing_published() -> None:
    """What people see before the first run."""
    st.info("No data published yet. Run: `make run`", icon=":material/hourglass_empty:")


def _say_what_is_shown(page: Page, view: View, reading: Reading, published: Published) -> None:
    days = f"{days_in_words(view.first, view.last)} ({view.days} days)"
    parts = [days, in_words(view, reading)]
    if page.scorecards:
        parts.append(comparison_in_words(view, published))
    parts.append("pick a bar, a point or a row to see the rows behind it")
    st.caption(" · ".join(part for part in parts if part))


def _show_charts(page: Page, view: View, reading: Reading) -> None:
    grid = st.grid(2, min_column_width=CHART_PX, border=True)
    for chart in page.charts:
        with grid.cell(column_span="all" if chart.wide else 1):
            _show_chart(page, chart, view, reading)


def _show_chart(page: Page, chart: Chart, view: View, reading: Reading) -> None:
    records = reading.ask(reading.queries.chart(page, chart, view))
    st.markdown(f"**{chart.title}**{_unit(chart, reading)}{_cut(chart, records)}")
    if not records:
        st.caption("Nothing on these days.")
        return
    key = f"{page.name}-{chart.name}"
    if chart.type == "table":
        picked = picked_row(show_table(chart, records, reading, key), chart, reading.report, records)
    else:
        drawn: Any = draw(chart, reading.report, records, view, _series(page, chart, reading))
        event = st.altair_chart(drawn, key=key, on_select="rerun", alt=chart.title)
        picked = picked_in(event, chart, reading.report)
    if picked and still_shown(picked, view, records):
        show_rows(page, view, picked, reading, key)


def _series(page: Page, chart: Chart, reading: Reading) -> list[Any]:
    return reading.series(page, chart) if chart.type == "stacked" else []


def _cut(chart: Chart, records: list[Record]) -> str:
    """Said where there may be more than the chart shows."""
    return f" :gray[· the first {chart.limit}]" if len(records) == chart.limit else ""


def _unit(chart: Chart, reading: Reading) -> str:
    money = {reading.report.metric[name].format for name in chart.metrics} == {"money"}
    return f" :gray[{reading.report.currency}]" if money else ""
