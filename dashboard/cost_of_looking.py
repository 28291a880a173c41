"""Says what one load of each page costs in BigQuery, for what is published: `make looking`.

Where the warehouse is BigQuery it asks for dry runs; on a laptop it tells what BigQuery would scan of the same rows.
"""

from dataclasses import dataclass

import duckdb

from dashboard.answers import Marts
from dashboard.bigquery_marts import BigQueryMarts
from dashboard.looking import DAYS, FileMeter, PageCost, QueryCost, latest_days, page_costs
from dashboard.marts import open_marts
from dashboard.queries import BIGQUERY, Dialect, Queries, Query, View
from dashboard.report import Report, load_report
from dashboard.scanned_bytes import billed
from pipeline.cli.console import table
from pipeline.cli.cost import in_units
from pipeline.errors import DataError, TillrollError
from pipeline.settings import Settings


@dataclass(frozen=True, slots=True)
class BigQueryMeter:
    """By dry runs, which do not say which days they leave out."""

    marts: BigQueryMarts
    dialect: Dialect = BIGQUERY

    def cost(self, name: str, query: Query) -> QueryCost:
        size = self.marts.estimate(query)
        return QueryCost(name, size, billed(size))


def published_costs(settings: Settings, report: Report) -> tuple[PageCost, ...]:
    """What the pages cost of what is published.

    Raises:
        DataError: nothing is.
    """
    view = _view(report, open_marts(settings))
    if settings.warehouse.startswith("bigquery://"):
        return page_costs(report, BigQueryMeter(BigQueryMarts(settings)), view)
    with duckdb.connect(settings.marts, read_only=True) as connection:
        return page_costs(report, FileMeter(connection), view)


def _view(report: Report, marts: Marts) -> View:
    version = marts.version()
    found = marts.read(Queries(report, marts.dialect).published(), version).records() if version else []
    if not found or found[0]["last_day"] is None:
        raise DataError("no day is published", "Run `tillroll run`, and ask again.")
    return latest_days(found[0]["last_day"])


def main() -> None:
    costs = published_costs(Settings.load(), load_report())
    rows = [(c.page.title, len(c.queries), in_units(c.scanned), in_units(c.billed)) for c in costs]
    table(f"one load of each page, {DAYS} days", ["page", "queries", "read", "billed at least"], rows)


if __name__ == "__main__":
    try:
        main()
    except TillrollError as error:
        raise SystemExit(f"error: {error}") from None
