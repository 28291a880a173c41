"""Whether the numbers can be trusted: what they are equal to, how fresh they are, the last runs, and open alerts."""

import streamlit as st

from dashboard.formats import written
from dashboard.operations import Operations
from dashboard.reading import Published
from dashboard.scorecards import CARD_PX, CARDS
from pipeline.settings import Settings

_LATE = (
    "Tables and days that the day's own run published after the deadline. What the run of another day brought is not "
    "counted: the alert LATE tells of it."
)

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
    )


def show_health(published: Published, settings: Settings) -> None:
    """Freshness, and what Airflow and the outbox say."""
    operations = _operations(settings)
    _show_cards(published, operations)
    grid = st.grid(2, min_column_width=340, border=True)
    with grid.cell():
        _show_runs(operations)
    with grid.cell():
        _show_alerts(operations)


def _show_cards(published: Published, operations: Operations) -> None:
    st.caption("Of everything that is published, whatever days are chosen:")
    grid = st.grid(CARDS, min_column_width=CARD_PX)
    equal = published.partitions - published.unequal
    grid.metric("Published up to", f"{published.last_day:%Y-%m-%d}", border=True)
    grid.metric("Tables and days equal", f"{equal:,} of {published.partitions:,}", border=True)
    grid.metric("Published late", written(published.late, "count"), border=True, help=_LATE)
    grid.metric("Rows in quarantine", written(published.quarantined_rows, "count"), border=True)
    grid.metric("Rejected rows", written(published.rejected_rows, "count"), border=True)
    grid.metric("Open alerts", operations.open_alerts, border=True)


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
