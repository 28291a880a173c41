"""How numbers and dates are written: the one place, for scorecards, tables, charts and their axes."""

import re
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from dashboard.report import Format, ReportField

NOTHING = "—"
UNCHANGED = "0.0 %"

# Vega's way of writing the same, for tooltips and for axes, where there is less room.
_TOOLTIPS: dict[Format, str] = {
    "money": ",.2f", "count": ",d", "decimal": ",.2f", "percent": ".2%", "duration": ",.0f",
}  # fmt: skip
_AXES: dict[Format, str] = {
    "money": "~s", "count": "~s", "decimal": "~s", "percent": "~%", "duration": "~s", "day": "%d %b",
}  # fmt: skip


def written(value: Any, how: Format) -> str:
    """A value as people read it; whole to the cent, so that it can be compared with what a ledger says."""
    if value is None:
        return NOTHING
    match how:
        case "money" | "decimal":
            return f"{_rounded(value, '0.01'):,}"
        case "count":
            return f"{int(value):,}"
        case "percent":
            return f"{_rounded(Decimal(str(value)) * 100, '0.01')} %"
        case "duration":
            return _duration(int(_rounded(value, "1")))
        case "day" | "moment":
            return _moment(value)
    return str(value)


def shown(value: Any, field: ReportField) -> str:
    """A column's value as people read it; a flag in the field's words."""
    if field.format == "flag" and value is not None:
        return field.when_true if value else field.when_false
    return written(value, field.format)


def escaped(text: str) -> str:
    """What the source holds, as Markdown that shows just that: no emphasis, no picture that a browser would fetch."""
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", text)


def change(value: Any, before: Any) -> str | None:
    """By how much a number has changed, in percent; None where that says nothing."""
    if value is None or not before or before < 0:
        return None
    changed = _rounded((Decimal(str(value)) / Decimal(str(before)) - 1) * 100, "0.1")
    return f"{changed:+} %" if changed else UNCHANGED


def days_in_words(first: date, last: date) -> str:
    """`1 Jan 2026 to 28 Jan 2026`."""
    return f"{_day(first)} to {_day(last)}" if first != last else _day(first)


def tooltip(how: Format) -> str:
    """Vega's format of a value beside a mark."""
    return _TOOLTIPS.get(how, "")


def axis(how: Format) -> str:
    """Vega's format of a value at an axis."""
    return _AXES.get(how, "")


def _rounded(value: Any, to: str) -> Decimal:
    return Decimal(str(value)).quantize(Decimal(to), ROUND_HALF_UP)


def _duration(seconds: int) -> str:
    hours, rest = divmod(seconds, 3600)
    return f"{hours:,} h {rest // 60:02} min" if hours else f"{rest // 60}:{rest % 60:02} min"


def _moment(value: date) -> str:
    return f"{value:%Y-%m-%d %H:%M}" if isinstance(value, datetime) else f"{value:%Y-%m-%d}"


def _day(value: date) -> str:
    return f"{value.day} {value:%b %Y}"
