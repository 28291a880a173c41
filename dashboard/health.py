"""Whether the numbers can be trusted: what they are equal to, how fresh they are, the last runs, and open alerts."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

import streamlit as st

from dashboard.formats import days_in_words, written
from dashboard.freshness import overdue
from dashboard.operations import Operations
from dashboard.reading import Published
from dashboard.scorecards import CARD_PX, CARDS
from pipeline.settings import Settings

_LATE = (
    "Tables and days that the day's own run published after the deadline. What the run of another day brought is not "
    "counted: the alert LATE tells of it."
)

# Narrower than this, the tables of runs and of alerts stand one below the other: a column would be cut.
TABLE_PX = 430

_STATES = {"success": "✓ success", "failed": "✕ failed", "running": "… running", "queued": "… queued"}


def show_equality(published: Published) -> None:
    """The line on every page that says when its numbers were equal to the source, or that they are not.

    Fingerprints were equal when the rows were published; since then they have been counted. `tillroll audit` compares
    fingerprints again.
    """
    at = f"{published.published_at:%Y-%m-%d %H:%M}"
    if published.unequal:
        st.warning(
            f"{_count(published.unequal, 'table and day', 'tables and days')} of {published.partitions} hold other "
            "numbers of rows than the source had when they were published: the Health page says which. "
            "Run: `tillroll audit`",
            icon=":material/warning:",
        )
        return
    st.markdown(
        f":green[:material/verified:] Equal to the source when published, last **{at} UTC**; rows counted again: equal"
        f"{_kept_apart(published)}"
    )


def _kept_apart(published: Published) -> str:
    """Rows of the source that are in no number: a page says so where it says that all is equal."""
    rows = published.quarantined_rows + published.rejected_rows
    return f" · :orange[{_count(rows, 'row is', 'rows are')} kept apart: see Health]" if rows else ""


def show_health(published: Published, settings: Settings) -> None:
    """Freshness, and what Airflow and the outbox say."""
    operations = _operations(settings)
    _show_cards(published, operations, settings)
    grid = st.grid(2, min_column_width=TABLE_PX, border=True)
    with grid.cell():
        _show_runs(operations)
    with grid.cell():
        _show_alerts(operations)


def _show_cards(published: Published, operations: Operations, settings: Settings) -> None:
    st.caption("Of everything that is published, whatever days are chosen:")
    card = partial(st.grid(CARDS, min_column_width=CARD_PX).metric, border=True, height="stretch")
    equal = published.partitions - published.unequal
    _show_freshness(card, published, settings)
    card("Tables and days equal", f"{equal:,} of {published.partitions:,}")
    card("Published late", written(published.late, "count"), help=_LATE)
    card("Rows in quarantine", written(published.quarantined_rows, "count"))
    card("Rejected rows", written(published.rejected_rows, "count"))
    card("Open alerts", operations.open_alerts)


def _show_freshness(card: Callable[..., object], published: Published, settings: Settings) -> None:
    up_to = f"{published.last_day:%Y-%m-%d}"
    late = overdue(settings, published.last_day, datetime.now(UTC))
    if late is None:
        card("Published up to", up_to)
        return
    due = f"Not there by {late.fresh_by:%H:%M} UTC of the day after: {days_in_words(late.first, late.last)}."
    delta = f"{_count(late.days, 'day', 'days')} overdue"
    card("Published up to", up_to, delta, delta_color="inverse", delta_arrow="off", help=due)


@st.cache_data(ttl=10, show_spinner="Asking Airflow …")
def _operations(_settings: Settings) -> Operations:
    return Operations.of(_settings)


def _show_runs(operations: Operations) -> None:
    st.markdown("**Last runs**")
    if operations.airflow_says:
        st.info(operations.airflow_says, icon=":material/power_off:")
    elif not operations.runs:
        st.caption("Airflow has run nothing yet.")
    else:
        rows = [
            {"Day": run.day, "DAG": run.dag, "State": _STATES.get(run.state, run.state), "Ended (UTC)": run.ended}
            for run in operations.runs
        ]
        st.dataframe(rows, hide_index=True, height="content" if len(rows) < 9 else 300)


def _show_alerts(operations: Operations) -> None:
    st.markdown("**Open alerts**")
    if operations.outbox_says:
        st.info(operations.outbox_says, icon=":material/error:")
    elif not operations.alerts:
        st.caption("None: nothing failed that nobody has taken care of.")
    else:
        rows = [{"Raised (UTC)": a.raised, "Alert": a.title, "Delivered": a.delivered} for a in operations.alerts]
        st.dataframe(rows, hide_index=True, height="content" if len(rows) < 9 else 300)


def _count(number: int, one: str, more: str) -> str:
    return f"{number:,} {one if number == 1 else more}"
