"""One load of a page: everything it shows is asked of one version of the marts."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from dashboard.answers import Answer, Marts
from dashboard.queries import Queries, Query, Value, View
from dashboard.report import Chart, Page, Report

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Published:
    """What is published: how much, since when, of which days, and what is not as it should be."""

    partitions: int
    published_at: datetime
    first_day: date
    last_day: date
    unequal: int
    late: int
    quarantined_rows: int
    rejected_rows: int


@dataclass(frozen=True, slots=True)
class Reading:
    """The marts as they were when the page began to load."""

    report: Report
    marts: Marts
    version: str

    @property
    def queries(self) -> Queries:
        return Queries(self.report, self.marts.dialect)

    def ask(self, query: Query) -> list[Record]:
        """The rows of a query. Raises RepublishedError, StepError."""
        return self.marts.read(query, self.version).records()

    def published(self) -> Published | None:
        """What is published; None where no day is."""
        [found] = self.ask(self.queries.published())
        return Published(**found) if found["last_day"] else None

    def options(self, name: str) -> list[str]:
        """What a filter can choose from."""
        filter_ = self.report.filter[name]
        return [record[filter_.column] for record in self.ask(self.queries.options(filter_))]

    def series(self, page: Page, chart: Chart) -> list[Any]:
        """All values that a stacked chart can show, also where the days chosen have none."""
        query = self.queries.series(page, chart)
        if query is None:
            return [True, False]
        return [record[str(chart.breakdown)] for record in self.ask(query)]

    def page(self, page: Page, view: View) -> None:
        """Ask all that the page shows, so that it appears at once and not piece by piece."""
        for query in self.queries.of_page(page, view).values():
            self.ask(query)

    def totals(self, page: Page, view: View) -> tuple[Record, Record]:
        """The numbers of the scorecards: of the days chosen, and of as many before; empty where there is no row."""
        found = {record["is_before"]: record for record in self.ask(self.queries.totals(page, view))}
        return found.get(False, {}), found.get(True, {})

    def rows(self, page: Page, view: View, picked: Mapping[str, Value], limit: int, *, kept: bool = True) -> Answer:
        """The rows behind a number."""
        query = self.queries.rows(page, view, picked, limit)
        return self.marts.read(replace(query, kept=kept), self.version)
