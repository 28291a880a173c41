"""One part of a page and what people chose: one SQL query, in the words of DuckDB or of BigQuery.

Values travel as parameters and are never part of the text; names come from the report and are quoted. Every query of
numbers names its first and last day, so that BigQuery reads only the partitions between them. What can be chosen, and
what is published, is asked of all days.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from dashboard.report import Chart, Filter, Page, Report

Value = str | int | bool | date | None

# Among the rows of `totals`: whether they are of the days chosen, or of as many before.
IS_BEFORE = "is_before"

# How `of_page` names the queries for all values of a column, which have no days.
VALUES = "values of "


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a warehouse writes a quoted name and a parameter, and the dataset that its tables are in."""

    quote_mark: str
    parameter_mark: str
    dataset: str = ""

    def name(self, name: str) -> str:
        """Names of ours hold letters, digits and `_` only: see the patterns in `report`."""
        return f"{self.quote_mark}{name}{self.quote_mark}"

    def table(self, name: str) -> str:
        return self.name(f"{self.dataset}.{name}" if self.dataset else name)


DUCKDB = Dialect('"', "$")
BIGQUERY = Dialect("`", "@", "datamart")


@dataclass(frozen=True, slots=True)
class Query:
    """SQL with named parameters. Two that are equal have the same answer.

    `kept`: the answer is small enough to be kept for whoever asks next.
    """

    sql: str
    parameters: tuple[tuple[str, Value], ...] = ()
    kept: bool = True


@dataclass(frozen=True, slots=True)
class View:
    """What people chose: the days from the first to the last, both included, and values of filters, by their names."""

    first: date
    last: date
    chosen: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def before(self) -> "View":
        """The same, of as many days before."""
        length = timedelta(days=self.days)
        return View(self.first - length, self.last - length, self.chosen)


class Queries:
    """The queries of a report, in one dialect."""

    def __init__(self, report: Report, dialect: Dialect) -> None:
        self._report = report
        self._dialect = dialect

    def totals(self, page: Page, view: View) -> Query:
        """The scorecards: a row for the days before (IS_BEFORE is true), and one for those chosen; each where it has
        rows."""
        where = _Where(self._dialect, page, self._report.filter)
        where.between(view.before.first, view.last).chosen(view)
        is_before = f"{self._dialect.name('day')} < {where.parameter('chosen_from', view.first)}"
        selected = [f"{is_before} as {self._dialect.name(IS_BEFORE)}", *self._measures(page.scorecards)]
        return self._select(page, selected, where, "group by 1")

    def chart(self, page: Page, chart: Chart, view: View) -> Query:
        """A chart: a row for each value of its columns, with its metrics."""
        where = _Where(self._dialect, page, self._report.filter).between(view.first, view.last).chosen(view)
        columns = [self._dialect.name(column) for column in chart.columns]
        groups = ", ".join(str(position + 1) for position in range(len(columns)))
        ends = [f"group by {groups}", f"order by {self._order(chart)}"]
        if chart.limit:
            ends.append(f"limit {chart.limit}")
        return self._select(page, [*columns, *self._measures(chart.metrics)], where, *ends)

    def rows(self, page: Page, view: View, picked: Mapping[str, Value], limit: int) -> Query:
        """The rows behind a number, the latest first: those of the view in which columns have the `picked` values."""
        where = _Where(self._dialect, page, self._report.filter).between(view.first, view.last).chosen(view)
        where.equal(picked)
        columns = [self._dialect.name(column) for column in page.drill]
        newest = ["day", *(column for column in page.drill if self._report.field[column].format == "moment")]
        order = [f"{self._dialect.name(column)} desc" for column in newest]
        order += [self._dialect.name(column) for column in page.drill if column not in newest]
        return self._select(page, columns, where, f"order by {', '.join(order)}", f"limit {limit}")

    def options(self, filter_: Filter) -> Query:
        """All values that a filter can choose from."""
        return self._values(filter_.column, filter_.table)

    def series(self, page: Page, chart: Chart) -> Query | None:
        """All values that a stacked chart can show, on whatever days: each has one colour. A flag has two, unasked."""
        column = chart.breakdown
        if chart.type != "stacked" or column is None or self._report.field[column].format == "flag":
            return None
        lists = {filter_.column: filter_.table for filter_ in map(self._report.filter.__getitem__, page.filters)}
        return self._values(column, lists.get(column, page.table))

    def published(self) -> Query:
        """What is published, in one row: since when, of which days, and what is not equal, late or kept apart.

        It is the one query without days: which there are, it finds out, in the smallest of the tables.
        """
        q = self._dialect.name
        selected = [
            "count(*) as partitions",
            f"max({q('published_at')}) as published_at",
            f"min(case when {_IS_DAILY} then {q('day')} end) as first_day",
            f"max(case when {_IS_DAILY} then {q('day')} end) as last_day",
            f"sum(case when {q('is_equal')} then 0 else 1 end) as unequal",
            f"sum(case when {q('is_late')} then 1 else 0 end) as late",
            f"sum({q('quarantined_rows')}) as quarantined_rows",
            f"sum({q('rejected_rows')}) as rejected_rows",
        ]
        return Query(f"select {', '.join(selected)} from {self._dialect.table('bi_health')}")

    def of_page(self, page: Page, view: View) -> dict[str, Query]:
        """All queries that one load of a page sends, by what they are for."""
        found = {"published": self.published()}
        found |= {f"{VALUES}filter {name}": self.options(self._report.filter[name]) for name in page.filters}
        lists = ((chart.name, self.series(page, chart)) for chart in page.charts)
        found |= {f"{VALUES}chart {name}": query for name, query in lists if query and query not in found.values()}
        if page.scorecards:
            found["scorecards"] = self.totals(page, view)
        return found | {f"chart {chart.name}": self.chart(page, chart, view) for chart in page.charts}

    def _values(self, column: str, table: str) -> Query:
        name = self._dialect.name(column)
        return Query(f"select distinct {name} from {self._dialect.table(table)} order by 1")

    def _select(self, page: Page, selected: Sequence[str], where: "_Where", *ends: str) -> Query:
        text = [f"select {', '.join(selected)}", f"from {self._dialect.table(page.table)}", f"where {where.text}"]
        return Query("\n".join([*text, *ends]), tuple(where.parameters.items()))

    def _measures(self, metrics: Sequence[str]) -> Iterator[str]:
        for name in metrics:
            yield f"{self._formula(name)} as {self._dialect.name(name)}"

    def _formula(self, name: str) -> str:
        metric = self._report.metric[name]
        if metric.ratio:
            part, whole = (self._formula(other) for other in metric.ratio)
            return f"{part} / nullif({whole}, 0)"
        if metric.sum:
            return f"sum({self._dialect.name(metric.sum)})"
        return f"count(distinct {self._dialect.name(str(metric.count_distinct))})"

    def _order(self, chart: Chart) -> str:
        """By position: a metric may have the name of the column that it sums."""
        names = [*chart.columns, *chart.metrics]
        sort = chart.sort or (chart.metrics[0] if chart.type == "bar" else chart.dimension)
        first = f"{names.index(sort) + 1}" if sort in chart.columns else f"{names.index(sort) + 1} desc"
        rest = [f"{position + 1}" for position, name in enumerate(chart.columns) if name != sort]
        return ", ".join([first, *rest])


_IS_DAILY = "kind = 'daily' and not is_companion"


class _Where:
    """The conditions of a query, and their parameters."""

    def __init__(self, dialect: Dialect, page: Page, filters: Mapping[str, Filter]) -> None:
        self._dialect = dialect
        self._page = page
        self._filters = filters
        self._conditions: list[str] = []
        self.parameters: dict[str, Value] = {}

    @property
    def text(self) -> str:
        return "\n    and ".join(self._conditions)

    def parameter(self, name: str, value: Value) -> str:
        self.parameters[name] = value
        return f"{self._dialect.parameter_mark}{name}"

    def between(self, first: date, last: date) -> "_Where":
        day = self._dialect.name("day")
        bounds = f"{day} between {self.parameter('first_day', first)} and {self.parameter('last_day', last)}"
        self._conditions.append(f"({bounds} or {day} is null)" if self._page.undated else bounds)
        return self

    def chosen(self, view: View) -> "_Where":
        for name in self._page.filters:
            values = view.chosen.get(name, ())
            marks = [self.parameter(f"{name}_{position}", value) for position, value in enumerate(values)]
            if marks:
                self._conditions.append(f"{self._dialect.name(self._filters[name].column)} in ({', '.join(marks)})")
        return self

    def equal(self, picked: Mapping[str, Value]) -> "_Where":
        for column, value in picked.items():
            name = self._dialect.name(column)
            equal = "is null" if value is None else f"= {self.parameter(f'picked_{column}', value)}"
            self._conditions.append(f"{name} {equal}")
        return self
