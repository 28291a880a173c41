"""Queries of the dashboard: what they ask, and that the marts answer it with the right numbers."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from published_marts import FIRST, LAST, publish

from dashboard.answers import RepublishedError
from dashboard.file_marts import FileMarts
from dashboard.marts import KeptAnswers, open_marts
from dashboard.queries import BIGQUERY, DUCKDB, VALUES, Queries, Query, View
from dashboard.reading import Reading
from dashboard.report import load_report
from pipeline.errors import ConfigurationError, StepError
from pipeline.settings import Settings

REPORT = load_report()
WEEK = View(LAST - timedelta(days=6), LAST)
QUERIES = Queries(REPORT, DUCKDB)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("published") / "datamart.duckdb"
    publish(file)
    return file


def records(file: Path, query: Query) -> list[dict[str, Any]]:
    marts = FileMarts(file, "128MB")
    return marts.read(query, str(marts.version())).records()


def asked(file: Path, sql: str, *parameters: object) -> Any:
    """One value, asked for without the code under test."""
    with duckdb.connect(str(file), read_only=True) as connection:
        return connection.execute(sql, parameters).fetchone()[0]  # type: ignore[index]


def test_scorecards_are_of_the_days_chosen_and_of_as_many_before(published: Path) -> None:
    now, before = sorted(
        records(published, QUERIES.totals(REPORT.page["sales"], WEEK)), key=lambda row: row["is_before"]
    )
    revenue = "select sum(revenue) from bi_sales where day between ? and ?"

    assert now["revenue"] == asked(published, revenue, WEEK.first, LAST)
    assert before["revenue"] == asked(
        published, revenue, WEEK.first - timedelta(days=7), WEEK.first - timedelta(days=1)
    )
    assert now["average_order_value"] == pytest.approx(float(now["revenue"] / now["paid_orders"]))


def test_a_ratio_of_nothing_is_nothing(published: Path) -> None:
    nobody = View(WEEK.first, WEEK.last, {"channel": ["pigeon"]})

    assert records(published, QUERIES.totals(REPORT.page["sales"], nobody)) == []
    far = View(FIRST - timedelta(days=9), FIRST - timedelta(days=1))
    assert records(published, QUERIES.chart(REPORT.page["channels"], REPORT.page["channels"].charts[2], far)) == []


def test_filters_narrow_every_chart(published: Path) -> None:
    chosen = View(FIRST, LAST, {"channel": ["web", "app"], "store": ["App"], "category": ["Toys"]})
    page = REPORT.page["sales"]
    by_channel = next(chart for chart in page.charts if chart.name == "revenue-by-channel")

    rows = records(published, QUERIES.chart(page, by_channel, chosen))

    assert rows == [
        {"channel": "app", "revenue": asked(published, "select sum(revenue) from bi_sales where store_id = 2")}
    ]


def test_the_best_come_first_and_no_more_than_asked_for(published: Path) -> None:
    page = REPORT.page["products"]
    chart = page.charts[0].model_copy(update={"limit": 3})

    rows = records(published, QUERIES.chart(page, chart, View(FIRST, LAST)))

    assert [row["revenue"] for row in rows] == sorted((row["revenue"] for row in rows), reverse=True)
    assert len(rows) == 3


def test_the_rows_behind_a_number_add_up_to_it(published: Path) -> None:
    picked = {"day": LAST, "channel": "web"}
    for page in (REPORT.page["sales"], REPORT.page["payments"], REPORT.page["channels"]):
        rows = records(published, QUERIES.rows(page, WEEK, picked, 100))

        assert sum(row["revenue"] for row in rows) == asked(
            published, "select sum(revenue) from bi_sales where day = ? and channel = 'web'", LAST
        )
    assert len(records(published, QUERIES.rows(REPORT.page["customers"], WEEK, {}, 5))) == 5


def test_what_is_chosen_is_never_part_of_the_text(published: Path) -> None:
    evil = "'); drop table bi_sales; --"
    page = REPORT.page["sales"]

    for query in QUERIES.of_page(page, View(FIRST, LAST, {"channel": [evil]})).values():
        assert evil not in query.sql
        records(published, query)
    assert evil not in QUERIES.rows(page, WEEK, {"store_name": evil}, 1).sql


def test_every_query_of_a_page_names_its_days() -> None:
    """Without them, BigQuery would read every partition. What lists choices or says what is published, has none."""
    for dialect in (DUCKDB, BIGQUERY):
        for page in REPORT.pages:
            for name, query in Queries(REPORT, dialect).of_page(page, WEEK).items():
                bounded = {"first_day", "last_day"} <= dict(query.parameters).keys()
                assert bounded != (name == "published" or name.startswith(VALUES)), (page.name, name)


def test_what_is_published_is_said_of_the_shops_own_days(published: Path) -> None:
    [found] = records(published, QUERIES.published())

    assert (found["first_day"], found["last_day"], found["unequal"], found["late"]) == (FIRST, LAST, 0, 0)
    assert found["published_at"] == asked(published, "select max(published_at) from bi_health")


def test_a_wrong_number_in_the_marts_is_shown_wrong(tmp_path: Path) -> None:
    """The check can fail: a cent more in one row is a cent more on the page."""
    right, wrong = tmp_path / "right.duckdb", tmp_path / "wrong.duckdb"
    publish(right)
    publish(wrong, f"update bi_sales set revenue = revenue + 0.01 where day = date '{LAST}' and store_id = 1")
    page = REPORT.page["sales"]

    sums = [sum(row["revenue"] for row in records(file, QUERIES.totals(page, WEEK))) for file in (right, wrong)]

    assert sums[1] - sums[0] == Decimal("0.01")


class Counting:
    """Marts that count how often they are read."""

    def __init__(self, file: Path) -> None:
        self.marts, self.reads = FileMarts(file, "128MB"), 0
        self.dialect = self.marts.dialect

    def version(self) -> str | None:
        return self.marts.version()

    def read(self, query: Query, version: str) -> Any:
        self.reads += 1
        return self.marts.read(query, version)


def test_an_answer_is_kept_until_the_marts_are_published_anew(tmp_path: Path) -> None:
    file = tmp_path / "datamart.duckdb"
    publish(file)
    counting = Counting(file)
    kept, query = KeptAnswers(counting), QUERIES.totals(REPORT.page["sales"], WEEK)
    first = str(kept.version())
    assert kept.read(query, first) == kept.read(query, first)
    assert counting.reads == 1

    publish(file, "update bi_sales set revenue = 0")
    second = str(kept.version())

    assert second != first
    with pytest.raises(RepublishedError):
        kept.read(QUERIES.published(), first)
    assert {row["revenue"] for row in kept.read(query, second).records()} == {0}


def test_the_rows_of_a_file_to_take_away_are_not_kept(published: Path) -> None:
    """A hundred thousand of them take more memory than everything else."""
    counting = Counting(published)
    reading = Reading(REPORT, KeptAnswers(counting), str(counting.version()))

    for reads in (1, 2):
        assert len(reading.rows(REPORT.page["sales"], WEEK, {}, 1000, kept=False).rows) > 0
        assert counting.reads == reads


def test_a_file_put_in_place_while_it_is_read_is_no_answer_of_the_other(tmp_path: Path) -> None:
    file = tmp_path / "datamart.duckdb"
    publish(file)
    marts = FileMarts(file, "128MB")
    version = str(marts.version())

    with swapped_within(marts, file), pytest.raises(RepublishedError):
        marts.read(QUERIES.published(), version)


@contextmanager
def swapped_within(marts: FileMarts, file: Path) -> Iterator[None]:
    """Another file comes once the first is open."""
    read = marts._read

    def slow(query: Query) -> Any:
        answer = read(query)
        publish(file)
        return answer

    marts._read = slow  # type: ignore[method-assign]
    yield


def test_what_is_not_there_has_no_version_and_what_cannot_be_read_says_so(tmp_path: Path) -> None:
    file = tmp_path / "datamart.duckdb"
    marts = FileMarts(file, "128MB")
    assert marts.version() is None
    file.write_bytes(b"no database")
    with pytest.raises(StepError, match=r"datamart\.duckdb"):
        marts.read(QUERIES.published(), str(marts.version()))
    publish(file, "drop table bi_health")
    with pytest.raises(StepError, match="bi_health") as refused:
        marts.read(QUERIES.published(), str(marts.version()))
    assert "tillroll transform" in refused.value.remedy
    publish(file, "alter table bi_health drop column is_late")
    with pytest.raises(StepError, match=r"lacks what the dashboard shows.*is_late"):
        marts.read(QUERIES.published(), str(marts.version()))


def test_a_warehouse_of_no_known_kind_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="snowflake"):
        open_marts(Settings(_env_file=None, warehouse_url="snowflake://x"))


def test_days_before_are_as_many() -> None:
    view = View(date(2026, 3, 1), date(2026, 3, 28))

    assert (view.days, view.before.first, view.before.last) == (28, date(2026, 2, 1), date(2026, 2, 28))
