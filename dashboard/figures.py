"""Tables of the report: a row for each value of a dimension, and its metrics, each written as everywhere else."""

from hashlib import sha256
from typing import Any

import streamlit as st

from dashboard.formats import NOTHING, shown, written
from dashboard.reading import Reading, Record
from dashboard.report import Chart, Format


def show_table(chart: Chart, records: list[Record], reading: Reading, key: str) -> Any:
    """Show it. Returns what Streamlit says of the row that people picked."""
    report = reading.report
    formats = {name: report.metric[name].format for name in chart.metrics}
    labels = {column: report.field[column].label for column in chart.columns}
    labels |= {name: _labelled(report.metric[name].label, formats[name], report.currency) for name in chart.metrics}
    rows = [
        {
            labels[name]: _number(value, formats[name]) if name in formats else shown(value, report.field[name])
            for name, value in record.items()
        }
        for record in records
    ]
    columns = {labels[name]: _column(how) for name, how in formats.items()}
    return st.dataframe(
        rows,
        hide_index=True,
        height="content" if len(rows) <= 12 else 460,
        column_config=columns,
        placeholder=NOTHING,
        on_select="rerun",
        selection_mode="single-row",
        key=f"{key}-{_digest(chart, records)}",
    )


def _digest(chart: Chart, records: list[Record]) -> str:
    """Of what the rows are, in their order: picked is a number of a row, which of other rows would be another one."""
    rows = [[record[column] for column in chart.columns] for record in records]
    return sha256(repr(rows).encode()).hexdigest()[:16]


def _labelled(label: str, how: Format, currency: str) -> str:
    return f"{label} ({currency})" if how == "money" else label


def _number(value: Any, how: Format) -> Any:
    """A number stays one, so that people can sort by it; what Streamlit cannot write as we do is text."""
    if value is None or how == "duration":
        return None if value is None else written(value, how)
    return float(value) * (100 if how == "percent" else 1)


def _column(how: Format) -> Any:
    if how == "duration":
        return st.column_config.TextColumn()
    patterns = {"money": "accounting", "count": "localized", "percent": "%.2f %%", "decimal": "%.2f"}
    return st.column_config.NumberColumn(format=patterns.get(how, "localized"))
