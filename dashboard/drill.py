"""From a number to its rows: those behind the mark that people picked, or behind the whole page, and as a file."""

import csv
import io
from collections.abc import Mapping
from datetime import date
from typing import Any

import streamlit as st

from dashboard.charts import PICK, pick_of
from dashboard.equality_calendar import WHOLE
from dashboard.formats import escaped, shown
from dashboard.queries import Value, View
from dashboard.reading import Reading
from dashboard.report import Chart, Page, Report

# How many rows are shown, and how many a file holds.
SHOWN = 200
IN_FILE = 100_000

# How a cell begins that a spreadsheet takes for a formula (https://owasp.org/www-community/attacks/CSV_Injection).
FORMULA = ("=", "+", "-", "@", "\t", "\r")

# The formats of columns that say which one it is, and not how much.
NAMES = ("text", "key", "flag", "day")


def picked_in(event: Any, chart: Chart, report: Report) -> dict[str, Value]:
    """The columns of the mark that people picked, and their values; empty where they picked none."""
    marks = event.selection.get(PICK) if event else None
    if not marks:
        return {}
    return {column: _value(marks[0].get(column), column, report) for column in pick_of(chart)}


def picked_row(event: Any, chart: Chart, report: Report, records: list[dict[str, Any]]) -> dict[str, Value]:
    """The same of a row of a table, with its details: two stores may have one name. Numbers are none of them."""
    rows = event.selection.rows if event else []
    if not rows or rows[0] >= len(records):
        return {}
    details = [column for column in chart.details if report.field[column].format in NAMES]
    return {column: records[rows[0]][column] for column in (chart.dimension, *details)}


def still_shown(picked: Mapping[str, Value], view: View, records: list[dict[str, Any]]) -> bool:
    """Whether the chart still has what people picked: other days and filters may have left nothing of it."""

    def has(column: str, value: Value) -> bool:
        if isinstance(value, date):  # a line is drawn through days without rows, too
            return view.first <= value <= view.last
        return any(record[column] == value for record in records)

    return all(has(column, value) for column, value in picked.items())


def show_rows(page: Page, view: View, picked: Mapping[str, Value], reading: Reading, key: str) -> None:
    """The rows behind a number, the latest first, with what they are limited to, and a file to take away.

    `key` is of the place on the page: in two of them people may pick the same.
    """
    answer = reading.rows(page, view, picked, SHOWN)
    fields = [reading.report.field[column] for column in answer.columns]
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f"**Rows behind {escaped(_described(picked, reading.report))}**", width="content")
        st.download_button(
            "CSV",
            data=lambda: _csv(page, view, picked, reading),
            file_name=f"{page.name}-{view.first}-{view.last}.csv",
            mime="text/csv",
            icon=":material/download:",
            key=f"csv-{key}",
            on_click="ignore",
        )
    cut = len(answer.rows) == SHOWN
    number = f"the latest {SHOWN} rows" if cut else f"{len(answer.rows)} rows" if len(answer.rows) != 1 else "1 row"
    st.caption(f"{number} of `{page.table}`; the file holds up to {IN_FILE:,}")
    rows = [dict(zip((f.label for f in fields), map(shown, row, fields), strict=True)) for row in answer.rows]
    st.dataframe(rows, hide_index=True, height="content" if len(rows) < 10 else 380)


def _csv(page: Page, view: View, picked: Mapping[str, Value], reading: Reading) -> bytes:
    """The rows as they are in the table, for programs: columns by their names, numbers as numbers."""
    answer = reading.rows(page, view, picked, IN_FILE, kept=False)
    text = io.StringIO()
    csv.writer(text).writerows([answer.columns, *(map(no_formula, row) for row in answer.rows)])
    return text.getvalue().encode()


def no_formula(value: Any) -> Any:
    """A text that a spreadsheet would run as a formula, with an apostrophe before it, by which it takes it for text."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def _described(picked: Mapping[str, Value], report: Report) -> str:
    values = [f"{report.field[column].label} {shown(value, report.field[column])}" for column, value in picked.items()]
    return ", ".join(values) or "these numbers"


def _value(value: Any, column: str, report: Report) -> Value:
    """A mark holds what a chart was given: days as text, flags in words."""
    field = report.field[column]
    if field.format == "flag":
        return bool(value == field.when_true)
    if field.format == "day" and value == WHOLE:
        return None
    return date.fromisoformat(value) if field.format == "day" else value
