"""Every query that a page of the dashboard can send to BigQuery, and the columns that contracts promise it."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import yaml
from google_sql import Columns

from dashboard.queries import BIGQUERY, Queries, Query, Value, View
from dashboard.report import Report
from pipeline.settings import ROOT

_CONTRACTS = ROOT / "dbt" / "models" / "datamart" / "bi" / "bi.yml"
_VIEW = {"first": date(2025, 1, 1), "last": date(2025, 1, 28)}


def bi_tables() -> dict[str, Columns]:
    """The tables that pages read, as queries name them."""
    models = yaml.safe_load(_CONTRACTS.read_text("utf-8"))["models"]
    return {f"datamart.{m['name']}": {c["name"]: _kind(c) for c in m["columns"]} for m in models}


def _kind(column: dict[str, Any]) -> str:
    """The type in BigQuery, of what may be two: `{{ 'int64' if target.type == 'bigquery' else 'bigint' }}`."""
    name = str(column["data_type"]).removeprefix("{{").partition(" if ")[0].strip(" '").upper()
    return "BOOL" if name == "BOOLEAN" else name


def page_queries(report: Report) -> Iterator[str]:
    """All queries of all pages, for days and values that people chose, and the rows behind a mark without values."""
    queries = Queries(report, BIGQUERY)
    for page in report.pages:
        view = View(**_VIEW, chosen={name: ["one", "it's"] for name in page.filters})
        picked: dict[str, Value] = {column: None for chart in page.charts for column in chart.columns}
        for query in [*queries.of_page(page, view).values(), queries.rows(page, view, picked, 100)]:
            yield _written_out(query)


def _written_out(query: Query) -> str:
    """The query's text, its parameters replaced by their values: the longest name first, as one may begin another."""
    text = query.sql
    for name, value in sorted(query.parameters, key=lambda parameter: -len(parameter[0])):
        text = text.replace(f"@{name}", f"date '{value}'" if isinstance(value, date) else repr(value))
    return text
