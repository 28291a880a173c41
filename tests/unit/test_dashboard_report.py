"""report.yml says what it may say; what it does not, is refused with the file and the field."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from dashboard.report import REPORT, load_report
from pipeline.errors import ConfigurationError


def planted(folder: Path, *path: str | int, value: Any) -> Path:
    """The report with one value changed."""
    report = yaml.safe_load(REPORT.read_text("utf-8"))
    place = report
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    file = folder / "report.yml"
    file.write_text(yaml.safe_dump(report), encoding="utf-8")
    return file


def test_the_report_has_a_page_for_each_group_of_questions() -> None:
    assert list(load_report().page) == ["sales", "products", "customers", "payments", "channels", "health"]


def test_every_metric_filter_and_field_is_used() -> None:
    """What no page shows is not specified: Looker's report would carry it for nothing."""
    report = load_report()
    shown = {metric for page in report.pages for metric in page.metrics()}
    parts = {part for name in shown for part in report.metric[name].ratio or ()}
    columns = {column for page in report.pages for chart in page.charts for column in chart.columns}
    drilled = {column for page in report.pages for column in page.drill}

    assert shown | parts == set(report.metric)
    assert {name for page in report.pages for name in page.filters} == set(report.filter)
    assert columns | drilled == set(report.field)


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (["pages", 0, "table"], "bi-sales", "pages.0.table"),
        (["pages", 0, "titel"], "Sales", "pages.0.titel"),
        (["pages", 1, "filters"], ["colour"], "pages.products.filters: there is no 'colour'"),
        (["pages", 0, "scorecards"], ["profit"], "pages.sales.scorecards: there is no 'profit'"),
        (["pages", 0, "charts", 0, "type"], "pie", "pages.0.charts.0.type"),
        (["pages", 0, "charts", 0, "sort"], "orders", "pages.sales.charts.revenue-by-day.sort: there is no 'orders'"),
        (["pages", 0, "charts", 0, "dimension"], "moon", "pages.sales.charts.revenue-by-day: its columns: there is no"),
        (["pages", 0, "charts", 0, "name"], "revenue-by-channel", "'revenue-by-channel' is there twice"),
        (["metrics", 0, "count_distinct"], "day", "metrics.0: Value error, it has one formula"),
        (["metrics", 0, "format"], "roubles", "metrics.0.format"),
        (["metrics", -1, "ratio"], ["refund_rate", "revenue"], "metrics.fee_share.ratio"),
        (["fields", 0, "name"], "Tag; drop table", "fields.0.name"),
        (["currency"], "euro", "currency"),
    ],
)
def test_a_mistake_is_named_with_its_field(tmp_path: Path, path: list[str | int], value: Any, said: str) -> None:
    file = planted(tmp_path, *path, value=value)

    with pytest.raises(ConfigurationError) as refused:
        load_report(file)

    assert str(file) in refused.value.message
    assert said in refused.value.message
    assert refused.value.remedy


def test_a_file_that_is_no_report_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.yml").write_text("pages: [", encoding="utf-8")

    for name in ("broken.yml", "away.yml"):
        with pytest.raises(ConfigurationError, match=name):
            load_report(tmp_path / name)
