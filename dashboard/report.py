"""The report's specification, report.yml, typed and checked: metrics, filters, fields, and pages with their charts.

The local dashboard is built from it, and the report in Looker Studio is, so the two show the same numbers. What it
names in the tables is held to their contracts by a test; here it is held to itself.
"""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pipeline.errors import ConfigurationError

REPORT = Path(__file__).with_name("report.yml")

Format = Literal["text", "key", "flag", "day", "moment", "count", "decimal", "money", "percent", "duration"]
ChartType = Literal["line", "stacked", "bar", "column", "heatmap", "table", "calendar"]

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$")]
Column = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Text = Annotated[str, Field(min_length=1)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


class Metric(_Part):
    """A number: `sum` of a column, `count_distinct` of one, or the `ratio` of two metrics that are one of these."""

    name: Column
    label: Text
    format: Format
    sum: Column | None = None
    count_distinct: Column | None = None
    ratio: tuple[Column, Column] | None = None

    @model_validator(mode="after")
    def _one_formula(self) -> Self:
        if sum(formula is not None for formula in (self.sum, self.count_distinct, self.ratio)) != 1:
            raise ValueError("it has one formula: sum, count_distinct or ratio")
        return self


class Filter(_Part):
    """What people choose by: the values of a column, as `table` lists them, of every table that has the column."""

    name: Column
    label: Text
    column: Column
    table: Column


class ReportField(_Part):
    """A column as people see it. A `flag` is said in these words."""

    name: Column
    label: Text
    format: Format = "text"
    when_true: str = "yes"
    when_false: str = "no"


class Chart(_Part):
    """One chart: metrics by a dimension, and by a breakdown of it; a table has further `details` of its dimension."""

    name: Name
    title: Text
    type: ChartType
    dimension: Column
    breakdown: Column | None = None
    details: tuple[Column, ...] = ()
    metrics: Annotated[tuple[Name, ...], Field(min_length=1)]
    sort: Name | None = None
    limit: Annotated[int, Field(ge=1, le=1000)] | None = None
    wide: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it is grouped by."""
        return (self.dimension, *((self.breakdown,) if self.breakdown else ()), *self.details)


class Page(_Part):
    """A page on one table. `undated`: rows without a day are shown whatever days are chosen.

    `bytes` is what one load of it may read from BigQuery.
    """

    name: Name
    title: Text
    icon: str
    table: Column
    filters: tuple[Name, ...]
    scorecards: tuple[Name, ...]
    charts: tuple[Chart, ...]
    drill: Annotated[tuple[Column, ...], Field(min_length=1)]
    bytes: Annotated[int, Field(gt=0)]
    undated: bool = False

    def metrics(self) -> Iterator[str]:
        """The names of the metrics that it shows."""
        yield from self.scorecards
        for chart in self.charts:
            yield from chart.metrics


class Report(_Part):
    """The whole specification."""

    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    metrics: tuple[Metric, ...]
    filters: tuple[Filter, ...]
    fields: tuple[ReportField, ...]
    pages: Annotated[tuple[Page, ...], Field(min_length=1)]

    @cached_property
    def metric(self) -> dict[str, Metric]:
        """The metrics by name."""
        return {metric.name: metric for metric in self.metrics}

    @cached_property
    def filter(self) -> dict[str, Filter]:
        """The filters by name."""
        return {filter_.name: filter_ for filter_ in self.filters}

    @cached_property
    def field(self) -> dict[str, ReportField]:
        """The fields by the names of their columns."""
        return {field.name: field for field in self.fields}

    @cached_property
    def page(self) -> dict[str, Page]:
        """The pages by name."""
        return {page.name: page for page in self.pages}

    def columns_of(self, metric: str) -> set[str]:
        """The columns that a metric is made of."""
        found = self.metric[metric]
        if found.ratio:
            return self.columns_of(found.ratio[0]) | self.columns_of(found.ratio[1])
        return {column for column in (found.sum, found.count_distinct) if column}

    @model_validator(mode="after")
    def _names_what_is_there(self) -> Self:
        _require_once("metrics", [metric.name for metric in self.metrics])
        _require_once("filters", [filter_.name for filter_ in self.filters])
        _require_once("fields", [field.name for field in self.fields])
        _require_once("pages", [page.name for page in self.pages])
        for metric in self.metrics:
            if any(part not in self.metric or self.metric[part].ratio for part in metric.ratio or ()):
                raise ValueError(f"metrics.{metric.name}.ratio: it is made of two metrics that are no ratios")
        for page in self.pages:
            self._check_page(page)
        return self

    def _check_page(self, page: Page) -> None:
        at = f"pages.{page.name}"
        _require(f"{at}.filters", page.filters, self.filter)
        _require(f"{at}.scorecards", page.scorecards, self.metric)
        _require(f"{at}.drill", page.drill, self.field)
        _require_once(f"{at}.charts", [chart.name for chart in page.charts])
        for chart in page.charts:
            where = f"{at}.charts.{chart.name}"
            _require(f"{where}.metrics", chart.metrics, self.metric)
            _require(f"{where}: its columns", chart.columns, self.field)
            _require(f"{where}.sort", [chart.sort] if chart.sort else [], {*chart.metrics, *chart.columns})


def _require(where: str, names: tuple[str, ...] | list[str], known: object) -> None:
    for name in names:
        if name not in known:  # type: ignore[operator]
            raise ValueError(f"{where}: there is no {name!r}")


def _require_once(where: str, names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{where}: {name!r} is there twice")


def load_report(path: Path = REPORT) -> Report:
    """The specification in a file.

    Raises:
        ConfigurationError: it is not one; names the file and the field.
    """
    remedy = "docs/dashboard.md explains what a page, a chart and a metric can say."
    try:
        return Report.model_validate(yaml.safe_load(path.read_text("utf-8")))
    except (OSError, yaml.YAMLError) as error:
        raise ConfigurationError(f"cannot read the report {path}: {error}", remedy) from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ConfigurationError(f"{path}: {place or 'report'}: {first['msg']}", remedy) from None
