"""The cost of looking: no page reads more than its budget, and what would read more is seen."""

from collections.abc import Iterator
from datetime import date

import duckdb
import pytest

from benchmarks.bi_tables import LAST_DAY, REFERENCE, make_tables
from benchmarks.looker_doc import cost_table, written
from dashboard.looking import FileMeter, QueryCost, broken_budgets, latest_days, page_costs
from dashboard.queries import Query
from dashboard.report import load_report
from dashboard.scanned_bytes import Scan, billed, scanned, scans

REPORT = load_report()
MB = 1024 * 1024
WEEK = "day between $first and $last"
VALUES = {"first": date(2025, 1, 1), "last": date(2025, 1, 7), "channel": "web"}
BOUNDED = "((day >= '2025-01-01'::DATE) AND (day <= '2025-01-07'::DATE))"


@pytest.fixture(scope="module")
def reference() -> Iterator[duckdb.DuckDBPyConnection]:
    """The BI tables at the reference volume."""
    with duckdb.connect() as connection:
        make_tables(connection, REFERENCE)
        yield connection


@pytest.fixture
def small() -> Iterator[duckdb.DuckDBPyConnection]:
    """Ten days of ten rows each, of which one has a null."""
    with duckdb.connect() as connection:
        connection.execute(
            "create table sale as select date '2025-01-01' + cast(i % 10 as integer) as day, "
            "case when i > 0 then 'wéb' end as channel, cast(i as bigint) as orders, "
            "cast(i as decimal(18, 2)) as revenue, i % 2 = 0 as is_first from range(100) t(i)"
        )
        yield connection


def test_no_page_reads_more_than_its_budget(reference: duckdb.DuckDBPyConnection) -> None:
    costs = page_costs(REPORT, FileMeter(reference), latest_days(LAST_DAY))

    assert list(broken_budgets(REPORT, costs)) == []
    assert len(costs) == len(REPORT.pages)
    # a budget that nothing could break would be none
    assert [cost.page.name for cost in costs if cost.page.bytes > 2 * cost.scanned] == []


def test_the_costs_that_the_page_shows_are_these(reference: duckdb.DuckDBPyConnection) -> None:
    costs = page_costs(REPORT, FileMeter(reference), latest_days(LAST_DAY))

    assert written("looking") == cost_table(costs), "run `make looker-doc`"


class _EveryColumn(FileMeter):
    """A dashboard whose charts ask for all columns."""

    def cost(self, name: str, query: Query) -> QueryCost:
        if name.startswith("chart"):
            _, _, rest = query.sql.partition('from "bi_')
            query = Query(f'select * from "bi_{rest.partition("group by")[0]}', query.parameters)
        return super().cost(name, query)


class _EveryDay(FileMeter):
    """A dashboard whose charts wrap their day in a function, by which BigQuery leaves out no partition."""

    def cost(self, name: str, query: Query) -> QueryCost:
        return super().cost(name, Query(query.sql.replace('"day" between', '"day" + 0 between'), query.parameters))


def test_charts_that_ask_for_every_column_would_be_seen(reference: duckdb.DuckDBPyConnection) -> None:
    costs = page_costs(REPORT, _EveryColumn(reference), latest_days(LAST_DAY))

    over = {problem.partition(":")[0] for problem in broken_budgets(REPORT, costs) if "its budget is" in problem}
    assert over == {page.name for page in REPORT.pages if not page.undated}


def test_charts_that_read_every_day_would_be_seen(reference: duckdb.DuckDBPyConnection) -> None:
    costs = page_costs(REPORT, _EveryDay(reference), latest_days(LAST_DAY))

    unbounded = {problem.partition(":")[0] for problem in broken_budgets(REPORT, costs) if "every day" in problem}
    assert unbounded == {page.name for page in REPORT.pages if not page.undated}


@pytest.mark.parametrize(
    ("query", "columns", "days"),
    [
        (f"select sum(revenue) from sale where {WEEK}", ("day", "revenue"), BOUNDED),
        (f"select count(*) from sale where {WEEK} and channel in ($channel)", ("day", "channel"), BOUNDED),
        (f"select day from (select * from sale) where {WEEK} order by revenue limit 3", ("day", "revenue"), BOUNDED),
        ("select max(orders) from sale", ("orders",), "true"),
        ("select count(*) from sale where day + 1 = $first", ("day",), "true"),
        (f"select count(*) from sale where {WEEK} or orders = 3", ("day", "orders"), "true"),
        ("select count(*) from sale where channel = '2025-01-01'", ("channel",), "true"),
    ],
)
def test_a_query_uses_these_columns_in_these_days(
    small: duckdb.DuckDBPyConnection, query: str, columns: tuple[str, ...], days: str
) -> None:
    values = {name: value for name, value in VALUES.items() if f"${name}" in query}

    assert scans(small, query, values) == [Scan("sale", columns, days)]


@pytest.mark.parametrize(
    ("column", "size"),
    [("day", 100 * 8), ("channel", 99 * (2 + 4)), ("orders", 100 * 8), ("revenue", 100 * 16), ("is_first", 100 * 1)],
)
def test_values_have_bigquerys_sizes(small: duckdb.DuckDBPyConnection, column: str, size: int) -> None:
    assert scanned(small, Scan("sale", (column,), "true")) == size


def test_only_the_days_asked_for_count(small: duckdb.DuckDBPyConnection) -> None:
    assert scanned(small, Scan("sale", ("day", "orders"), BOUNDED)) == 70 * 16
    assert scanned(small, Scan("sale", (), BOUNDED)) == 0


@pytest.mark.parametrize(
    ("read", "paid"), [(0, 10), (1, 10), (10 * MB, 10), (10 * MB + 1, 11), (12 * MB, 12), (12 * MB + 1, 13)]
)
def test_a_query_bills_whole_megabytes_and_ten_at_least(read: int, paid: int) -> None:
    assert billed(read) == paid * MB
