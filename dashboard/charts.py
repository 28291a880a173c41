"""Charts of the report, drawn with Altair from the rows of one query each. A mark that is picked leads to its rows."""

from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import altair as alt

from dashboard.equality_calendar import draw_calendar
from dashboard.formats import axis, shown, tooltip
from dashboard.queries import View
from dashboard.reading import Record
from dashboard.report import Chart, Metric, Report
from dashboard.theme import BLUE, SERIES
from pipeline.days import days_between

PICK = "pick"
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

# Of a chart with its axes and its legend; a chart of bars is as high as it has bars.
BAR, HEIGHT, WIDE_HEIGHT = 28, 260, 320

# Of the longest bar, with its number beside it, on a phone.
ROOM = 1.45


def draw(chart: Chart, report: Report, records: Sequence[Record], view: View, series: Sequence[Any] = ()) -> Any:
    """The chart as Altair has it. Its one parameter, PICK, holds the columns of the mark that people picked.

    `series` are all values that a stacked chart can show, so that each has one colour whatever is chosen.
    """
    if chart.type == "calendar":
        drawn = draw_calendar(chart, records, view, _pick(chart))
    elif chart.type == "stacked":
        known = [str(_plain(str(chart.breakdown), value, report)) for value in series]
        drawn = _stacked(chart, report, _plotted(chart, report, records, view), known)
    else:
        drawn = _DRAWN[chart.type](chart, report, _plotted(chart, report, records, view))
    return drawn.configure_view(strokeWidth=0).configure_axis(grid=False, domain=False, ticks=False, labelPadding=8)


def pick_of(chart: Chart) -> list[str]:
    """The columns by which the rows behind a mark are found."""
    return [chart.dimension, *((chart.breakdown,) if chart.breakdown else ())]


def _plotted(chart: Chart, report: Report, records: Sequence[Record], view: View) -> list[Record]:
    """The rows as Vega takes them: no decimals, days as text, flags in words, and a zero on days without rows."""
    if chart.dimension == "day" and chart.type in {"line", "stacked"}:
        records = _with_every_day(chart, records, view)
    return [{name: _plain(name, value, report) for name, value in record.items()} for record in records]


def _plain(name: str, value: Any, report: Report) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, date):
        return value.isoformat()
    return shown(value, report.field[name]) if isinstance(value, bool) else value


def _with_every_day(chart: Chart, records: Sequence[Record], view: View) -> list[Record]:
    series = sorted({record[chart.breakdown] for record in records}, key=str) if chart.breakdown else [None]
    found = {(record["day"], record.get(chart.breakdown or "")): record for record in records}
    nothing = dict.fromkeys(chart.metrics, 0)
    return [
        found.get((day, one)) or {"day": day, **({chart.breakdown: one} if chart.breakdown else {}), **nothing}
        for day in days_between(view.first, view.last)
        for one in series
    ]


def _data(rows: list[Record]) -> alt.Data:
    return alt.Data(values=rows)  # type: ignore[no-untyped-call]


def _pick(chart: Chart, *, nearest: bool = False) -> alt.Parameter:
    return alt.selection_point(name=PICK, fields=pick_of(chart), on="click", nearest=nearest, toggle=False)


def _tooltips(chart: Chart, report: Report) -> list[alt.Tooltip]:
    columns = [alt.Tooltip(f"{column}:N", title=report.field[column].label) for column in chart.columns]
    return [*columns, *(_tooltip(report.metric[name], report) for name in chart.metrics)]


def _tooltip(metric: Metric, report: Report) -> alt.Tooltip:
    unit = f" ({report.currency})" if metric.format == "money" else ""
    return alt.Tooltip(f"{metric.name}:Q", title=f"{metric.label}{unit}", format=tooltip(metric.format))


def _by_day(chart: Chart) -> alt.X:
    """Days are names and no instants: in no time zone is one taken for the day before."""
    label = f"utcFormat(utcParse(datum.value, '%Y-%m-%d'), '{axis('day')}')"
    return alt.X(
        f"{chart.dimension}:O",
        title=None,
        axis=alt.Axis(labelExpr=label, labelAngle=0, labelOverlap="greedy", labelSeparation=14),
    )


def _amounts(metric: Metric) -> alt.Y:
    label = f"format(datum.value, '{axis(metric.format)}')"
    ticks = alt.Axis(labelExpr=label, tickCount=5, grid=True, gridOpacity=0.35)
    return alt.Y(f"{metric.name}:Q", title=None, axis=ticks)


def _line(chart: Chart, report: Report, rows: list[Record]) -> Any:
    metric = report.metric[chart.metrics[0]]
    pick = _pick(chart, nearest=True)
    base = alt.Chart(_data(rows)).encode(_by_day(chart), _amounts(metric), tooltip=_tooltips(chart, report))
    line = base.mark_area(
        color=BLUE, opacity=0.14, line={"color": BLUE, "strokeWidth": 2.5}, interpolate="monotone", tooltip=False
    )
    points = base.mark_point(color=BLUE, filled=True, size=70).encode(
        opacity=alt.condition(pick, alt.value(1), alt.value(0.35), empty=False)
    )
    return alt.layer(line, points.add_params(pick)).properties(height=WIDE_HEIGHT if chart.wide else HEIGHT)


def _stacked(chart: Chart, report: Report, rows: list[Record], series: list[str]) -> Any:
    metric, pick = report.metric[chart.metrics[0]], _pick(chart)
    colour = alt.Color(
        f"{chart.breakdown}:N",
        title=None,
        scale=alt.Scale(domain=series, range=[SERIES[min(n, len(SERIES) - 1)] for n in range(len(series))]),
        legend=alt.Legend(orient="top", symbolType="square"),
    )
    return (
        alt.Chart(_data(rows))
        .mark_bar(cornerRadiusTopLeft=1, cornerRadiusTopRight=1, cursor="pointer")
        .encode(
            _by_day(chart),
            _amounts(metric),
            colour,
            opacity=alt.condition(pick, alt.value(1), alt.value(0.35)),
            tooltip=_tooltips(chart, report),
        )
        .add_params(pick)
        .properties(height=WIDE_HEIGHT if chart.wide else HEIGHT)
    )


def _bar(chart: Chart, report: Report, rows: list[Record]) -> Any:
    metric, pick = report.metric[chart.metrics[0]], _pick(chart)
    for row in rows:
        row["label"] = _short(row[metric.name], metric)
    largest = max((row[metric.name] or 0 for row in rows), default=0)
    base = alt.Chart(_data(rows)).encode(
        alt.Y(
            f"{chart.dimension}:N",
            sort=[row[chart.dimension] for row in rows],
            title=None,
            axis=alt.Axis(labelLimit=230 if chart.wide else 170),
        ),
        alt.X(f"{metric.name}:Q", title=None, axis=None, scale=alt.Scale(domain=[0, (largest or 1) * ROOM])),
        tooltip=_tooltips(chart, report),
    )
    bars = base.mark_bar(color=BLUE, cornerRadiusEnd=3, height={"band": 0.72}, cursor="pointer").encode(
        opacity=alt.condition(pick, alt.value(1), alt.value(0.35))
    )
    labels = base.mark_text(align="left", dx=6, color="gray", tooltip=False).encode(text="label:N")
    return alt.layer(bars.add_params(pick), labels).properties(height=max(len(rows), 2) * BAR + 10)


def _short(value: float | None, metric: Metric) -> str:
    """A number beside its bar: short, because the whole one is in the tooltip."""
    if value is None:
        return ""
    if metric.format == "percent":
        return f"{value:.1%}"
    for size, letter in ((1e9, "B"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            return f"{value / (1e3 if letter == 'k' else size):,.1f}{letter}"
    return f"{value:,.0f}" if metric.format in {"count", "money"} else f"{value:,.1f}"


def _column(chart: Chart, report: Report, rows: list[Record]) -> Any:
    metric, pick = report.metric[chart.metrics[0]], _pick(chart)
    return (
        alt.Chart(_data(rows))
        .mark_bar(color=BLUE, cornerRadiusEnd=3, width={"band": 0.72}, cursor="pointer")
        .encode(
            alt.X(f"{chart.dimension}:O", title=None, axis=alt.Axis(labelAngle=0)),
            _amounts(metric),
            opacity=alt.condition(pick, alt.value(1), alt.value(0.35)),
            tooltip=_tooltips(chart, report),
        )
        .add_params(pick)
        .properties(height=HEIGHT)
    )


def _heatmap(chart: Chart, report: Report, rows: list[Record]) -> Any:
    """One colour, more of it for more: so it reads on a light ground and on a dark one."""
    metric, pick = report.metric[chart.metrics[0]], _pick(chart)
    return (
        alt.Chart(_data(rows))
        .mark_rect(color=BLUE, cornerRadius=2, cursor="pointer")
        .encode(
            alt.X(f"{chart.dimension}:O", title=None, axis=alt.Axis(labelAngle=0, labelOverlap=True)),
            alt.Y(f"{chart.breakdown}:N", sort=list(WEEKDAYS), title=None),
            opacity=alt.Opacity(f"{metric.name}:Q", scale=alt.Scale(range=[0.08, 1]), legend=None),
            stroke=alt.condition(pick, alt.value("gray"), alt.value(None), empty=False),
            tooltip=_tooltips(chart, report),
        )
        .add_params(pick)
        .properties(height=len(WEEKDAYS) * BAR + 40)
    )


_DRAWN: dict[str, Callable[[Chart, Report, list[Record]], Any]] = {
    "line": _line, "bar": _bar, "column": _column, "heatmap": _heatmap,
}  # fmt: skip
