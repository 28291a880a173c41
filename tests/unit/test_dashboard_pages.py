"""Every page of the dashboard, run as Streamlit runs it, over a small published file."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
import streamlit as st
import yaml
from dashboard_app import card, forgotten, opened, said
from published_marts import FIRST, LAST, publish
from streamlit.testing.v1 import AppTest

from dashboard.file_marts import FileMarts
from dashboard.report import load_report
from pipeline.alerts.alert import Alert
from pipeline.alerts.outbox import Outbox
from pipeline.alerts.routing import Routing
from pipeline.errors import StepError
from pipeline.settings import ROOT

REPORT = load_report()
LAST_MOMENT = datetime(2026, 3, 2, tzinfo=UTC)
SINCE = LAST - timedelta(days=27)

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")]


@pytest.fixture
def marts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the published file is; no server answers."""
    monkeypatch.setenv("TILLROLL_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("TILLROLL_AIRFLOW_PORT", "9")
    file = tmp_path / "warehouse" / "datamart.duckdb"
    file.parent.mkdir()
    with forgotten():
        yield file


def colours_of(app: AppTest) -> dict[str, str]:
    """Those of the orders by channel."""
    spec = json.loads(app.get("vega_lite_chart")[1].proto.spec)  # type: ignore[attr-defined]
    scale = spec["encoding"]["color"]["scale"]
    return dict(zip(scale["domain"], scale["range"], strict=True))


def asked(file: Path, sql: str) -> Any:
    with duckdb.connect(str(file), read_only=True) as connection:
        return connection.execute(sql).fetchone()[0]  # type: ignore[index]


@pytest.mark.parametrize("page", REPORT.pages, ids=lambda page: page.name)
def test_a_page_shows_its_title_its_charts_and_what_it_is_equal_to(marts: Path, page: Any) -> None:
    publish(marts)

    app = opened(page.name)

    assert [title.value for title in app.title] == [page.title]
    assert "Equal to the source when published, last **2026-03-02 05:00 UTC**; rows counted again: equal" in said(app)
    for chart in page.charts:
        assert f"**{chart.title}**" in said(app)
    drawn = [chart for chart in page.charts if chart.type != "table"]
    assert len(app.get("vega_lite_chart")) == len(drawn)
    assert len(app.metric) == (len(page.scorecards) or 6)
    assert "—" not in {str(metric.value) for metric in app.metric}


def test_the_scorecards_are_what_the_tables_say(marts: Path) -> None:
    publish(marts)
    days = f"day between date '{SINCE}' and date '{LAST}'"
    revenue = asked(marts, f"select sum(revenue) from bi_sales where {days}")
    paid = asked(marts, f"select sum(paid_orders) from bi_sales where {days}")
    customers = asked(marts, f"select count(distinct customer_id) from bi_customers where {days}")
    fees = asked(marts, f"select sum(fee_amount) from bi_payments where {days}")

    sales = opened("sales")

    assert card(sales, "Revenue (EUR)") == f"{revenue:,}"
    assert card(sales, "Paid orders") == f"{paid:,}"
    assert card(sales, "Average order (EUR)") == f"{(revenue / paid).quantize(Decimal('0.01')):,}"
    assert card(opened("customers"), "Customers") == f"{customers:,}"
    assert card(opened("payments"), "Fees (EUR)") == f"{fees.quantize(Decimal('0.01')):,}"
    for page in ("products", "payments", "channels"):
        assert card(opened(page), "Revenue (EUR)") == f"{revenue:,}", page


def test_a_filter_narrows_the_page_and_can_be_named_in_its_address(marts: Path) -> None:
    publish(marts)
    app = opened("sales")
    everything, colours = card(app, "Revenue (EUR)"), colours_of(app)

    app.multiselect(key="channel").select("web").run()

    web = asked(marts, f"select sum(revenue) from bi_sales where channel = 'web' and day >= date '{SINCE}'")
    assert card(app, "Revenue (EUR)") == f"{web:,}" != everything
    assert colours_of(app) == colours
    assert list(colours) == ["app", "marketplace", "store", "web"]
    assert card(opened("sales", channel="web"), "Revenue (EUR)") == f"{web:,}"


def test_other_days_are_chosen_back_from_the_last_published_one(marts: Path) -> None:
    publish(marts)
    week = asked(marts, f"select sum(revenue) from bi_sales where day > date '{LAST - timedelta(days=7)}'")

    app = opened("sales", days="7")

    assert card(app, "Revenue (EUR)") == f"{week:,}"
    assert "change: from the 7 days before" in said(app)
    everything = opened("sales", days="all")
    assert card(everything, "Revenue (EUR)") == f"{asked(marts, 'select sum(revenue) from bi_sales'):,}"
    assert "no change is shown" in said(everything)
    assert not any(metric.delta for metric in everything.metric)
    named = opened("sales", days="dates", dates=[str(FIRST), str(FIRST)])
    first = asked(marts, f"select sum(revenue) from bi_sales where day = date '{FIRST}'")
    assert card(named, "Revenue (EUR)") == f"{first:,}"


def test_an_address_with_what_is_not_there_shows_what_is(marts: Path) -> None:
    publish(marts)

    app = opened("sales", channel="pigeon", days="900")

    assert card(app, "Revenue (EUR)") == card(opened("sales"), "Revenue (EUR)")
    named = opened("sales", days="dates", dates=[str(LAST), str(SINCE)])
    assert card(named, "Revenue (EUR)") == card(app, "Revenue (EUR)")


def test_days_that_are_not_published_are_none_of_those_chosen(marts: Path) -> None:
    publish(marts)

    assert "1 Jan 2026 to 1 Mar 2026 (60 days)" in said(opened("sales", days="90"))


def test_the_same_may_be_picked_in_two_charts(marts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(marts, "update bi_channels set traffic_source = '![](x)' where traffic_source = 'ads'")
    picked = {"traffic_source": "![](x)"}
    monkeypatch.setattr("dashboard.page.picked_in", lambda _, chart, __: picked if chart.dimension in picked else {})

    app = opened("channels")

    assert said(app).count(r"**Rows behind Came from \!\[\]\(x\)**") == 2


def test_marts_that_cannot_be_looked_for_while_a_page_is_open_do_not_break_it(
    marts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(marts)
    looks: list[str | None] = []

    def version(self: FileMarts) -> str | None:
        looks.append(versions(self))
        if len(looks) == 2:  # the page's own look was the first
            raise StepError("the disk is away", "Wait.")
        return looks[-1]

    versions = FileMarts.version
    monkeypatch.setattr(FileMarts, "version", version)

    assert "Equal to the source" in said(opened("sales"))
    assert len(looks) > 2


def test_the_rows_behind_a_page_are_shown_when_asked_for(marts: Path) -> None:
    publish(marts, "update bi_sales set store_name = channel || day(day)")

    app = opened("sales", rows="true", days="7")

    rows = app.dataframe[-1].value
    assert len(rows) == asked(marts, f"select count(*) from bi_sales where day > date '{LAST - timedelta(days=7)}'")
    assert list(rows.columns)[:3] == ["Day", "Store", "Channel"]
    assert f"{len(rows)} rows of `bi_sales`" in said(app)
    assert "**Revenue by store** :gray[EUR] :gray[· the first 10]" in said(app)
    assert said(app).count("the first") == 1


def test_before_the_first_run_the_page_says_what_to_do(marts: Path) -> None:
    assert "No data published yet. Run: `make run`" in said(opened("sales"))

    publish(marts, "delete from bi_health")
    assert "No data published yet. Run: `make run`" in said(opened("sales"))


def test_a_file_that_cannot_be_read_is_named_with_its_remedy(marts: Path) -> None:
    marts.write_bytes(b"no database")

    app = opened("sales")

    assert str(marts) in app.error[0].value
    assert "tillroll transform" in app.error[0].value


def test_what_is_published_while_a_page_is_open_appears(marts: Path) -> None:
    publish(marts, last=LAST - timedelta(days=1))
    app = opened("sales")
    before = card(app, "Revenue (EUR)")

    publish(marts)
    app.run()

    assert card(app, "Revenue (EUR)") != before
    assert f"{LAST.day} {LAST:%b %Y}" in said(app)


def test_a_wrong_number_in_the_warehouse_is_a_warning_on_every_page(marts: Path) -> None:
    """The line can fail: one row less than the source had."""
    wrong = f"update bi_health set warehouse_rows = 0, is_equal = false where day = '{LAST}' and table_name = 'session'"
    publish(marts, wrong)

    for page in ("sales", "health"):
        app = opened(page)

        assert "1 table and day of 121 hold other numbers of rows" in app.warning[0].value
        assert "Equal to the source" not in said(app)


def test_every_page_says_how_many_rows_are_in_no_number(marts: Path) -> None:
    publish(marts, "update bi_health set quarantined_rows = 2, rejected_rows = 1 where day = '2026-02-10'")
    rows = asked(marts, "select sum(quarantined_rows) + sum(rejected_rows) from bi_health")

    assert f"{rows} rows are kept apart: see Health" in said(opened("sales"))


def test_the_rows_behind_a_number_are_the_latest(marts: Path) -> None:
    publish(marts)

    app = opened("customers")
    first = app.toggle(key="rows").set_value(True).run().dataframe[-1].value.iloc[0]

    latest = asked(marts, "select max(ordered_at) from bi_customers")
    assert first["Ordered at (UTC)"] == f"{latest:%Y-%m-%d %H:%M}"


def test_health_says_what_is_kept_apart_and_who_does_not_answer(marts: Path, tmp_path: Path) -> None:
    one = "table_name = 'transaction' and day = date '2026-02-10'"
    publish(marts, f"update bi_health set quarantined_rows = 3, is_late = true where {one}")
    alert = Alert("k", "t", "FAILED gcs_to_bq_staging", LAST_MOMENT, (), ())
    ended = replace(alert, key="o", title="DOWN Airflow web")
    for each in (alert, ended, replace(ended, key="o-over", follows="o", is_over=True)):
        Outbox.of(tmp_path).record(each, "test", Routing.to([]))

    app = opened("health")

    assert card(app, "Rows in quarantine") == "3"
    assert card(app, "Published late") == "1"
    assert card(app, "Open alerts") == "1"
    assert "Airflow does not answer: Start the servers with `tillroll up`." in said(app)
    assert "FAILED gcs_to_bq_staging" in app.dataframe[0].value.to_string()


def test_health_says_which_scheduled_days_are_overdue(marts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(marts)
    assert not any(metric.delta for metric in opened("health").metric)  # no schedule was ever started here
    monkeypatch.setenv("TILLROLL_SCHEDULE_FROM", "2026-03-01")
    st.cache_resource.clear()

    delta = next(str(metric.delta) for metric in opened("health").metric if metric.label == "Published up to")

    assert re.fullmatch(r"\d+ days overdue", delta)
    assert int(delta.split()[0]) >= (datetime.now(UTC).date() - LAST).days - 2


def test_a_day_that_is_not_published_is_an_empty_column_of_the_calendar(marts: Path) -> None:
    publish(marts, "delete from bi_health where day = date '2026-02-27'")

    spec = json.loads(opened("health").get("vega_lite_chart")[0].proto.spec)  # type: ignore[attr-defined]

    for layer in spec["layer"]:
        columns = layer["encoding"]["x"]["scale"]["domain"]
        assert columns == ["whole", *(str(SINCE + timedelta(days=n)) for n in range(28))]


def test_the_small_file_has_the_columns_that_dbt_publishes(marts: Path) -> None:
    """And so every column that the report names is in its table."""
    publish(marts)
    contract = yaml.safe_load((ROOT / "dbt" / "models" / "datamart" / "bi" / "bi.yml").read_text("utf-8"))
    with duckdb.connect(str(marts), read_only=True) as connection:
        for model in contract["models"]:
            found = connection.execute(f"describe {model['name']}").fetchall()
            assert [row[0] for row in found] == [column["name"] for column in model["columns"]], model["name"]


@pytest.mark.parametrize("page", REPORT.pages, ids=lambda page: page.name)
def test_every_field_of_the_report_is_in_the_contract_of_its_table(page: Any) -> None:
    contract = yaml.safe_load((ROOT / "dbt" / "models" / "datamart" / "bi" / "bi.yml").read_text("utf-8"))
    columns = {model["name"]: {column["name"] for column in model["columns"]} for model in contract["models"]}
    named = {column for chart in page.charts for column in chart.columns} | set(page.drill)
    named |= {column for name in page.metrics() for column in REPORT.columns_of(name)}
    named |= {REPORT.filter[name].column for name in page.filters} | {"day"}

    assert named <= columns[page.table]
    for name in page.filters:
        assert REPORT.filter[name].column in columns[REPORT.filter[name].table]


def test_no_page_asks_for_personal_data() -> None:
    for page in REPORT.pages:
        assert not re.search(r"email|phone|birth|first_name|last_name|address", " ".join(page.drill))
