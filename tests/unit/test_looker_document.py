"""docs/looker-studio.md says of fields, formulas, charts and costs what the report's specification says."""

import pytest

from benchmarks.looker_doc import sections, written
from dashboard.looker_doc import fields, formula
from dashboard.report import Page, Report, load_report

REPORT = load_report()


@pytest.mark.parametrize("name", ["data-sources", "pages"])
def test_the_page_is_up_to_date(name: str) -> None:
    assert written(name) == sections(REPORT)[name], "run `make looker-doc`"


def test_a_changed_formula_would_be_seen() -> None:
    changed = REPORT.model_dump(by_alias=True)
    (metric,) = (metric for metric in changed["metrics"] if metric["name"] == "average_order_value")
    metric["ratio"] = ("revenue", "orders")

    assert sections(Report.model_validate(changed))["pages"] != written("pages")


def test_formulas_are_looker_studios() -> None:
    said = {name: formula(REPORT, REPORT.metric[name]) for name in ("revenue", "customers", "average_order_value")}

    assert said == {
        "revenue": "SUM(revenue)",
        "customers": "COUNT_DISTINCT(customer_id)",
        "average_order_value": "SUM(revenue) / SUM(paid_orders)",
    }


@pytest.mark.parametrize("page", REPORT.pages, ids=lambda page: page.name)
def test_every_column_that_a_page_uses_is_a_field_of_its_source(page: Page) -> None:
    used = {column for name in page.metrics() for column in REPORT.columns_of(name)}
    used |= {*page.drill, *(column for chart in page.charts for column in chart.columns)}

    shown = fields(REPORT, page)

    assert [column for column in sorted(used) if f"| `{column}` |" not in shown] == []
