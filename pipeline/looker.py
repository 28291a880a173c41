"""The link that opens a copy of the report in Looker Studio, with every data source bound to this project's BI tables.

Google has no API that draws charts: the report is drawn once, by hand (docs/looker-studio.md), and a URL opens copies
of it: https://developers.google.com/looker-studio/integrate/linking-api. It holds names and no rights, so whoever
follows it reads as themselves.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlencode

import yaml

from pipeline.errors import ConfigurationError
from pipeline.settings import ROOT, Settings
from pipeline.warehouse.base import DATAMART
from pipeline.warehouse.bigquery import BigQueryWarehouse

# What the local dashboard is built from, too. It is read here as a file: nothing in `pipeline` knows the dashboard.
SPECIFICATION = ROOT / "dashboard" / "report.yml"


@dataclass(frozen=True, slots=True)
class DataSource:
    """A data source of the report. Its alias in the template is the table's name."""

    table: str
    name: str
    has_days: bool
    """Whether every row has a day, so that a report's date range may decide which partitions are read."""


def data_sources(specification: Path = SPECIFICATION) -> tuple[DataSource, ...]:
    """The BI tables that the pages read, each once, in the pages' order.

    Raises:
        ConfigurationError: there is no such file, or it names no tables.
    """
    try:
        pages = yaml.safe_load(specification.read_text("utf-8"))["pages"]
        named = {page["table"]: DataSource(page["table"], page["title"], not page.get("undated")) for page in pages}
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise ConfigurationError(
            f"{specification} does not say which tables the report reads: {type(error).__name__} {error}",
            "Take the file of this version: `git checkout -- dashboard/report.yml`.",
        ) from None
    return tuple(named.values())


def linking_url(settings: Settings, sources: Sequence[DataSource], name: str) -> str:
    """The URL that opens the template's copy, named `name`, or without a template a report to be drawn.

    Raises:
        ConfigurationError: the warehouse is not one that Looker Studio can read.
    """
    parameters = [*_report(settings, name)]
    for number, source in enumerate(sources):
        alias = source.table if settings.looker_report else f"ds{number}"  # which Google gives where none are set
        parameters += [(f"ds.{alias}.{key}", value) for key, value in _source(settings, source)]
    return f"https://{settings.looker_host}/reporting/create?{urlencode(parameters, quote_via=quote)}"


def _report(settings: Settings, name: str) -> Iterator[tuple[str, str]]:
    if settings.looker_report:
        yield "c.reportId", settings.looker_report
    else:
        yield "c.mode", "edit"
    yield "r.reportName", name


def _source(settings: Settings, source: DataSource) -> Iterator[tuple[str, str]]:
    """All that Google asks for where a source is replaced as a whole, so that nothing of the template's place stays."""
    yield "connector", "bigQuery"
    yield "datasourceName", source.name
    yield "type", "TABLE"
    yield "projectId", _project(settings)
    yield "datasetId", DATAMART
    yield "tableId", source.table
    if settings.looker_billing_project:
        yield "billingProjectId", settings.looker_billing_project
    if source.has_days:
        yield "isPartitioned", "true"
    if settings.looker_report:
        # A contract holds the tables to the same columns everywhere, so what the template says of them stays.
        yield "refreshFields", "false"


def _project(settings: Settings) -> str:
    if not settings.warehouse.startswith("bigquery://"):
        raise ConfigurationError(
            "Looker Studio reads BigQuery, and this warehouse is a file on this machine",
            "Set TILLROLL_WAREHOUSE_URL to bigquery://project/location (docs/google-cloud.md). What is on this machine "
            "the local dashboard shows, with the same pages: `tillroll up`.",
        )
    project, _ = BigQueryWarehouse.place_of(settings.warehouse)
    return project
