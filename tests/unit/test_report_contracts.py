"""Every column that report.yml names is in the contract of its page's table, and is of a type for what it is used for.

Looker Studio's report is drawn from the same file, so this holds for it too; so do the made-up tables that the cost of
looking and the dashboard's speed are measured with.
"""

from collections.abc import Iterator
from typing import Any

import duckdb
import pytest
import yaml

from benchmarks.bi_tables import Volume, make_tables
from dashboard.report import Page, Report, load_report
from pipeline.looker import data_sources
from pipeline.settings import ROOT

REPORT = load_report()
NUMBERS = ("bigint", "decimal")
# What a format can show, by the beginning of a type's name.
SHOWN_AS = {
    "text": ("string",), "key": ("bigint", "string"), "flag": ("boolean",), "day": ("date",), "moment": ("timestamp",),
    "count": NUMBERS, "decimal": NUMBERS, "money": ("decimal",), "percent": NUMBERS, "duration": NUMBERS,
}  # fmt: skip


def contracts() -> dict[str, dict[str, Any]]:
    """The columns of each BI table as dbt's models promise them."""
    file = ROOT / "dbt" / "models" / "datamart" / "bi" / "bi.yml"
    models = yaml.safe_load(file.read_text("utf-8"))["models"]
    return {model["name"]: {column["name"]: column for column in model["columns"]} for model in models}


CONTRACTS = contracts()


def kind(column: dict[str, Any]) -> str:
    """The type on the laptop, of what may be two: `{{ 'int64' if target.type == 'bigquery' else 'bigint' }}`."""
    return str(column["data_type"]).removesuffix("}}").rpartition("else")[2].strip(" '")


def is_never_null(column: dict[str, Any]) -> bool:
    return {"type": "not_null"} in column.get("constraints", [])


def problems(report: Report) -> Iterator[str]:
    """What the report asks of the tables that their contracts do not give."""
    for page in report.pages:
        columns = CONTRACTS.get(page.table, {})
        for column, kinds in uses(report, page):
            if column not in columns:
                yield f"{page.name}: {page.table} has no {column}"
            elif not kind(columns[column]).startswith(kinds):
                yield f"{page.name}: {column} is {kind(columns[column])}, and no {' or '.join(kinds)}"
        if not page.undated and not is_never_null(columns["day"]):
            yield f"{page.name}: rows of {page.table} may have no day"


def uses(report: Report, page: Page) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each column that a page uses, and the types that would do."""
    yield "day", ("date",)
    for name in page.metrics():
        metric = report.metric[name]
        for part in [report.metric[other] for other in metric.ratio] if metric.ratio else [metric]:
            if part.sum:
                yield part.sum, ("decimal",) if part.format == "money" else NUMBERS
            else:
                yield str(part.count_distinct), ("bigint", "string")
    for name in page.filters:
        yield report.filter[name].column, ("string",)
    for column in {*page.drill, *(column for chart in page.charts for column in chart.columns)}:
        yield column, SHOWN_AS[report.field[column].format]


def test_the_contracts_give_what_the_report_asks_for() -> None:
    assert list(problems(REPORT)) == []


@pytest.mark.parametrize(
    ("part", "name", "key", "value", "said"),
    [
        ("metrics", "revenue", "sum", "turnover", "sales: bi_sales has no turnover"),
        ("metrics", "units", "sum", "store_name", "sales: store_name is string, and no bigint or decimal"),
        ("metrics", "customers", "count_distinct", "email", "customers: bi_customers has no email"),
        ("fields", "is_equal", "format", "count", "health: is_equal is boolean, and no bigint or decimal"),
        ("filters", "store", "column", "store_id", "sales: store_id is bigint, and no string"),
        ("pages", "health", "undated", False, "health: rows of bi_health may have no day"),
        ("pages", "sales", "table", "bi_payments", "sales: bi_payments has no segment"),
    ],
)
def test_a_field_that_no_contract_gives_is_seen(part: str, name: str, key: str, value: Any, said: str) -> None:
    changed = REPORT.model_dump(by_alias=True)
    next(found for found in changed[part] if found["name"] == name)[key] = value

    assert said in list(problems(Report.model_validate(changed)))


def test_the_link_names_a_source_for_each_table_that_a_page_reads() -> None:
    assert [(source.table, source.name, source.has_days) for source in data_sources()] == [
        (page.table, page.title, not page.undated) for page in REPORT.pages
    ]


def test_made_up_tables_are_those_of_the_contracts() -> None:
    with duckdb.connect() as connection:
        make_tables(connection, Volume(lines=40, days=4, customers=10))
        found = connection.execute(
            "select table_name, column_name, lower(data_type) from duckdb_columns() where not internal "
            "order by table_name, column_index"
        ).fetchall()

    promised = [
        (table, name, kind(column).replace("string", "varchar"))
        for table, columns in sorted(CONTRACTS.items())
        for name, column in columns.items()
    ]
    assert found == promised
