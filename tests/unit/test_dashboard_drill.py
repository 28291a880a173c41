"""From a table's row to the values by which the rows behind it are found, and how these values are written."""

from datetime import date
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from dashboard.drill import no_formula, picked_in, picked_row, still_shown
from dashboard.formats import change, escaped
from dashboard.queries import Value, View
from dashboard.report import load_report

REPORT = load_report()
STORES = next(chart for chart in REPORT.page["channels"].charts if chart.type == "table")
PRODUCTS = next(chart for chart in REPORT.page["products"].charts if chart.type == "table")


def row(number: int) -> Any:
    """What Streamlit says when people have picked this row."""
    return SimpleNamespace(selection=SimpleNamespace(rows=[number]))


def test_a_row_is_found_by_its_details_too() -> None:
    """Two stores may have one name."""
    one = {"store_name": "Centre", "store_type": "branch", "country_code": "DE", "revenue": Decimal(1)}
    other = one | {"country_code": "FR"}

    assert picked_row(row(1), STORES, REPORT, [one, other]) == {
        "store_name": "Centre",
        "store_type": "branch",
        "country_code": "FR",
    }


def test_a_row_is_found_by_no_amount() -> None:
    product = {"sku": "A-1", "product_name": "A", "category": "B", "average_rating": Decimal("3.10")}

    assert "average_rating" not in picked_row(row(0), PRODUCTS, REPORT, [product])


def test_a_row_that_is_no_longer_there_is_not_picked() -> None:
    assert picked_row(row(1), STORES, REPORT, [{"store_name": "Centre"}]) == {}


@pytest.mark.parametrize(
    ("picked", "is_shown"),
    [
        ({"channel": "web"}, True),
        ({"channel": "app"}, False),
        ({"day": date(2026, 1, 2)}, True),  # a line is drawn through it, though it has no row
        ({"day": date(2026, 1, 8)}, False),
        ({"day": date(2026, 1, 2), "channel": "app"}, False),
        ({"day": None}, False),
    ],
)
def test_what_was_picked_counts_as_long_as_the_chart_shows_it(picked: dict[str, Value], is_shown: bool) -> None:
    week = View(date(2026, 1, 1), date(2026, 1, 7))

    assert still_shown(picked, week, [{"day": date(2026, 1, 1), "channel": "web"}]) is is_shown


@pytest.mark.parametrize(
    ("column", "mark", "value"),
    [("day", "whole", None), ("day", "2026-01-02", date(2026, 1, 2)), ("store_name", "whole", "whole")],
)
def test_a_mark_stands_for_what_its_column_holds(column: str, mark: str, value: Value) -> None:
    chart = next(c for page in REPORT.pages for c in page.charts if c.dimension == column and not c.breakdown)
    event = SimpleNamespace(selection={"pick": [{column: mark}]})

    assert picked_in(event, chart, REPORT) == {column: value}


@pytest.mark.parametrize(
    ("now", "before", "said"),
    [(3, 2, "+50.0 %"), (-50, 100, "-150.0 %"), (50, -50, None), (-20, -10, None), (1, 0, None)],
)
def test_a_change_from_less_than_nothing_says_nothing(now: int, before: int, said: str | None) -> None:
    assert change(now, before) == said


@pytest.mark.parametrize("held", ["=1+1", "+1", "-1", "@x", "\t=1"])
def test_no_text_of_a_file_is_a_formula(held: str) -> None:
    assert no_formula(held) == f"'{held}"
    assert [no_formula(value) for value in ("a=1", Decimal(-1), None, "")] == ["a=1", Decimal(-1), None, ""]


@pytest.mark.parametrize(
    ("held", "said"),
    [
        ("![a](//b)", r"\!\[a\]\(\/\/b\)"),
        ("<img src=x>", r"\<img src\=x\>"),
        ("a_b*c`d", r"a\_b\*c\`d"),
        ("Berlin “Mitte” · Köln", "Berlin “Mitte” · Köln"),
        (str(date(2026, 1, 1)), r"2026\-01\-01"),
    ],
)
def test_what_the_source_holds_is_no_markdown(held: str, said: str) -> None:
    assert escaped(held) == said
