"""The report's specification in the words of Looker Studio: what to click together, once, to draw its template.

Google has no API that draws charts. So that nobody draws another report than the local dashboard shows, the parts of
docs/looker-studio.md that name fields, formulas and charts are written from report.yml, and a test holds them to it.
"""

from collections.abc import Iterable, Iterator, Sequence

from dashboard.report import Chart, ChartType, Format, Metric, Page, Report, ReportField

# What of a column is shown as a sum; all else are values to group by.
_ADDED: tuple[Format, ...] = ("money", "count", "duration")

# The rows that Looker Studio shows of those behind a number.
ROWS = 100

# The scorecards of the line that says on each page when it was equal to the source.
FRESHNESS = 3

_CHARTS: dict[ChartType, str] = {
    "line": "Time series chart",
    "stacked": "Stacked column chart",
    "bar": "Bar chart",
    "column": "Column chart",
    "heatmap": "Pivot table with heatmap",
    "calendar": "Pivot table with heatmap",
    "table": "Table",
}
_TYPES: dict[Format, str] = {
    "text": "Text",
    "key": "Number",
    "flag": "Boolean",
    "day": "Date",
    "moment": "Date & Time",
    "count": "Number",
    "decimal": "Number",
    "percent": "Percent",
    "duration": "Duration (sec.)",
}


def data_sources(report: Report) -> str:
    """The table of data sources, with the aliases that the link names."""
    rows = [(f"`{page.table}`", page.title, "no" if page.undated else "yes, on `day`") for page in report.pages]
    return _table(["table, and alias", "name", "use partition column as date range dimension"], dict.fromkeys(rows))


def fields(report: Report, page: Page) -> str:
    """The columns that a page uses: what they are called there, and what they are."""
    rows = [
        (f"`{field.name}`", field.label, _type(report, field.format), "Sum" if field.format in _ADDED else "None")
        for field in _fields(report, page)
    ]
    return _table(["column", "name", "type", "default aggregation"], rows)


def calculated_fields(report: Report, page: Page) -> str:
    """The fields that are formulas: distinct counts, and ratios of sums."""
    rows = [
        (metric.label, f"`{formula(report, metric)}`", _type(report, metric.format))
        for metric in _formulas(report, page)
    ]
    return _table(["calculated field", "formula", "type"], rows)


def formula(report: Report, metric: Metric) -> str:
    """A metric in Looker Studio's language, of the columns' names in BigQuery."""
    if metric.ratio:
        part, whole = (formula(report, report.metric[name]) for name in metric.ratio)
        return f"{part} / {whole}"
    return f"SUM({metric.sum})" if metric.sum else f"COUNT_DISTINCT({metric.count_distinct})"


def charts(report: Report, page: Page) -> str:
    """A page's scorecards and charts, and the rows behind them, in the order of the page."""
    rows = [_chart(report, chart) for chart in page.charts]
    if page.scorecards:
        rows.insert(0, ("Scorecards, one each", "", "", "", _metric_labels(report, page.scorecards), "", ""))
    drilled = [report.field[column] for column in page.drill]
    dimensions, metrics = ([f.label for f in drilled if (f.format in _ADDED) is added] for added in (False, True))
    moments = [field for field in drilled if field.format == "moment"]
    newest = ", ".join(f"{field.label} ↓" for field in (report.field["day"], *moments))
    rows.append(("Table", "The rows behind", ", ".join(dimensions), "", ", ".join(metrics), newest, str(ROWS)))
    return _table(["kind", "title", "dimensions", "breakdown", "metrics", "sort", "rows"], rows)


def controls(report: Report, page: Page) -> str:
    """What people choose by on a page."""
    dates = [] if page.undated else ["*Date range control*: the last 28 days"]
    lists = [f"*Drop-down list* of `{report.filter[name].column}`" for name in page.filters]
    return " · ".join([*dates, *lists]) or "none"


def components(page: Page) -> int:
    """How many parts of a page send a query of their own: scorecards, charts, the rows behind, lists to choose from."""
    return FRESHNESS + len(page.scorecards) + len(page.charts) + 1 + len(page.filters)


def pages(report: Report) -> str:
    """All pages, each under a heading of its own."""
    return "\n\n".join(_page(report, page) for page in report.pages)


def _page(report: Report, page: Page) -> str:
    parts = [
        f"### {page.title}",
        f"Data source `{page.table}`. Controls: {controls(report, page)}.",
        fields(report, page),
    ]
    if any(_formulas(report, page)):
        parts.append(calculated_fields(report, page))
    return "\n\n".join([*parts, charts(report, page)])


def _chart(report: Report, chart: Chart) -> tuple[str, ...]:
    dimensions = ", ".join(report.field[column].label for column in (chart.dimension, *chart.details))
    breakdown = report.field[chart.breakdown].label if chart.breakdown else ""
    metrics, sort = _metric_labels(report, chart.metrics), _sort(report, chart)
    return _CHARTS[chart.type], chart.title, dimensions, breakdown, metrics, sort, str(chart.limit or "")


def _sort(report: Report, chart: Chart) -> str:
    """As the local dashboard sorts: largest first by a metric, first to last by a column."""
    by = chart.sort or (chart.metrics[0] if chart.type == "bar" else chart.dimension)
    if by in chart.columns:
        return f"{report.field[by].label} ↑"
    return f"{report.metric[by].label} ↓"


def _fields(report: Report, page: Page) -> Iterator[ReportField]:
    """The columns that a page uses. Those that only formulas use keep their names."""
    used = [*page.drill, *(report.filter[name].column for name in page.filters)]
    used += [column for chart in page.charts for column in chart.columns]
    used += [column for name in page.metrics() for column in sorted(report.columns_of(name))]
    for column in dict.fromkeys(used):
        yield report.field.get(column) or ReportField(name=column, label=column, format=_format(report, column))


def _format(report: Report, column: str) -> Format:
    """That of the metric that sums it; what nobody sums is a key."""
    return next((metric.format for metric in report.metrics if metric.sum == column), "key")


def _formulas(report: Report, page: Page) -> Iterator[Metric]:
    """The metrics that are no sum of a column of the same name."""
    for name in dict.fromkeys(page.metrics()):
        metric = report.metric[name]
        field = report.field.get(metric.sum) if metric.sum else None
        if field is None or field.label != metric.label:
            yield metric


def _metric_labels(report: Report, names: Iterable[str]) -> str:
    return ", ".join(report.metric[name].label for name in names)


def _type(report: Report, how: Format) -> str:
    return f"Currency ({report.currency})" if how == "money" else _TYPES[how]


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
