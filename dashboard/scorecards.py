"""The numbers at the top of a page, each with its change from as many days before."""

import streamlit as st

from dashboard.formats import UNCHANGED, change, written
from dashboard.queries import View
from dashboard.reading import Published, Reading
from dashboard.report import Page

# In a row, where there is room; on a phone there are two.
CARDS, CARD_PX = 3, 150

# For these, more is worse.
WORSE = {"refunds", "refund_rate", "fees", "fee_share", "pending_orders"}


def show_scorecards(page: Page, view: View, reading: Reading, published: Published) -> None:
    """One card for each metric. There is no change where the days before are not all published."""
    now, before = reading.totals(page, view)
    comparable = view.before.first >= published.first_day
    grid = st.grid(CARDS, min_column_width=CARD_PX)
    for name in page.scorecards:
        metric = reading.report.metric[name]
        unit = f" ({reading.report.currency})" if metric.format == "money" else ""
        delta = change(now.get(name), before.get(name)) if comparable else None
        grid.metric(
            f"{metric.label}{unit}",
            written(now.get(name), metric.format),
            delta,
            delta_color="off" if delta == UNCHANGED else "inverse" if name in WORSE else "normal",
            delta_arrow="off" if delta == UNCHANGED else "auto",
            border=True,
            height="stretch",
        )


def comparison_in_words(view: View, published: Published) -> str:
    """What the change under each number is from."""
    if view.before.first < published.first_day:
        return f"no change is shown: the {_days(view.days)} before are not all published"
    return f"change: from the {_days(view.days)} before"


def _days(number: int) -> str:
    return "day" if number == 1 else f"{number} days"
