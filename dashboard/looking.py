"""What one look at each page costs in BigQuery: every query that the page sends, and the bytes that each would scan.

BigQuery says it itself, by dry runs, which cost nothing. Where the marts are a file, its columns and days say it, by
the same rule and of the same queries (`scanned_bytes`). What is billed is more: 10 MB at least for every query.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Protocol

import duckdb

from dashboard.queries import DUCKDB, VALUES, Dialect, Queries, Query, View
from dashboard.report import Page, Report
from dashboard.scanned_bytes import billed, scanned, scans

# A page opens with as many days as these, the latest published ones.
DAYS = 28


@dataclass(frozen=True, slots=True)
class QueryCost:
    """`unbounded` are the tables of which the query reads every day."""

    name: str
    scanned: int
    billed: int
    unbounded: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PageCost:
    """What one load of a page sends."""

    page: Page
    queries: tuple[QueryCost, ...]

    @property
    def scanned(self) -> int:
        return sum(query.scanned for query in self.queries)

    @property
    def billed(self) -> int:
        return sum(query.billed for query in self.queries)


class Meter(Protocol):
    """Whoever can say what a query would scan."""

    @property
    def dialect(self) -> Dialect:
        """How queries are written for it."""

    def cost(self, name: str, query: Query) -> QueryCost:
        """What this query would scan. It is not run."""


@dataclass(frozen=True, slots=True)
class FileMeter:
    """By the columns and days of a file of marts."""

    connection: duckdb.DuckDBPyConnection
    dialect: Dialect = DUCKDB

    def cost(self, name: str, query: Query) -> QueryCost:
        found = scans(self.connection, query.sql, dict(query.parameters))
        sizes = [scanned(self.connection, scan) for scan in found]
        unbounded = tuple(scan.table for scan in found if not scan.is_bounded)
        return QueryCost(name, sum(sizes), sum(map(billed, sizes)), unbounded)


def page_costs(report: Report, meter: Meter, view: View) -> tuple[PageCost, ...]:
    """What each page costs for these days, nothing chosen: most that a load can read."""
    queries = Queries(report, meter.dialect)
    return tuple(
        PageCost(page, tuple(meter.cost(name, query) for name, query in queries.of_page(page, view).items()))
        for page in report.pages
    )


def latest_days(last: date) -> View:
    """The days with which a page opens, of which the last is the latest that is published."""
    return View(last - timedelta(days=DAYS - 1), last)


def broken_budgets(report: Report, costs: tuple[PageCost, ...]) -> Iterator[str]:
    """Where a page costs more than it may: more bytes than its budget, or every day of a table that grows by the day.

    A list of a column's values may read every day: it is one column, and asked for once a publication.
    """
    small = {page.table for page in report.pages if page.undated}
    for cost in costs:
        if cost.scanned > cost.page.bytes:
            yield f"{cost.page.name}: {cost.scanned:,} bytes, and its budget is {cost.page.bytes:,}"
        for query in cost.queries:
            if not query.name.startswith(VALUES):
                grown = sorted(set(query.unbounded) - small)
                yield from (f"{cost.page.name}: {query.name} reads every day of {table}" for table in grown)
