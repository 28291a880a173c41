"""The calendar of the Health page: every table and day, and whether it is equal, late, or has rows kept apart."""

from collections.abc import Sequence
from typing import Any

import altair as alt

from dashboard.queries import View
from dashboard.reading import Record
from dashboard.report import Chart
from dashboard.theme import BLUE, ORANGE, SKY, VERMILLION
from pipeline.days import days_between

# From bad to good: where several hold, the first is shown. Each has a sign too, for who cannot tell colours apart.
STATES = (("differs", VERMILLION), ("late", ORANGE), ("equal, rows kept apart", SKY), ("equal", BLUE))
WHOLE = "whole"
ROW, AXES = 26, 100

# Two beside each other, so that on a phone none is cut off.
LEGEND = alt.Legend(orient="top", symbolType="square", columns=2)


def state_of(record: Record) -> str:
    """What is shown of a table and day."""
    if not record["is_equal"]:
        return "differs"
    if record["is_late"]:
        return "late"
    return "equal, rows kept apart" if record["quarantined"] or record["rejected"] else "equal"


def draw_calendar(chart: Chart, records: Sequence[Record], view: View, pick: alt.Parameter) -> Any:
    """A row for each table, a column for each day of the view, so that a day without anything is seen to be empty.

    A table without days has one mark, which is `whole`.
    """
    rows = [
        {
            "day": record["day"].isoformat() if record["day"] else WHOLE,
            "table_name": record["table_name"],
            "state": state_of(record),
            "published_rows": int(record["published_rows"]),
            "quarantined": int(record["quarantined"]),
            "rejected": int(record["rejected"]),
        }
        for record in records
    ]
    label = f"datum.value == '{WHOLE}' ? '{WHOLE}' : utcFormat(utcParse(datum.value, '%Y-%m-%d'), '%d %b')"
    days = [day.isoformat() for day in days_between(view.first, view.last)]
    base = alt.Chart(alt.Data(values=rows)).encode(  # type: ignore[no-untyped-call]
        alt.X(
            f"{chart.dimension}:O",
            title=None,
            sort=None,
            scale=alt.Scale(domain=[WHOLE, *days]),  # of labels that are too many, the first stays
            axis=alt.Axis(labelExpr=label, labelAngle=0, labelOverlap="greedy", labelSeparation=14),
        ),
        alt.Y(f"{chart.breakdown}:N", title=None, axis=alt.Axis(labelLimit=170)),
        tooltip=[
            alt.Tooltip("table_name:N", title="Table"),
            alt.Tooltip("day:N", title="Day"),
            alt.Tooltip("state:N", title="State"),
            alt.Tooltip("published_rows:Q", title="Published rows", format=",d"),
            alt.Tooltip("quarantined:Q", title="In quarantine", format=",d"),
            alt.Tooltip("rejected:Q", title="Rejected", format=",d"),
        ],
    )
    scale = alt.Scale(domain=[name for name, _ in STATES], range=[colour for _, colour in STATES])
    cells = base.mark_rect(cornerRadius=2, width={"band": 0.88}, height={"band": 0.82}, cursor="pointer").encode(
        alt.Color("state:N", title=None, scale=scale, legend=LEGEND),
        opacity=alt.condition(pick, alt.value(1), alt.value(0.35)),
    )
    signs = base.mark_text(color="white", fontWeight="bold", tooltip=False).encode(
        text=alt.condition("datum.state == 'differs'", alt.value("✕"), alt.value(""))
    )
    tables = len({row["table_name"] for row in rows})
    return alt.layer(cells.add_params(pick), signs).properties(height=tables * ROW + AXES)
