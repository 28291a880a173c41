"""Writes what docs/looker-studio.md says of the report: `make looker-doc`.

Fields, formulas and charts come from dashboard/report.yml; the cost of looking from the queries of its charts over
made-up tables of the reference volume.
"""

from pathlib import Path

import duckdb

from benchmarks.bi_tables import LAST_DAY, REFERENCE, make_tables
from benchmarks.figures import write_table
from dashboard import looker_doc
from dashboard.looking import FileMeter, PageCost, latest_days, page_costs
from dashboard.report import Report, load_report
from dashboard.scanned_bytes import LEAST_BILLED
from pipeline.cli.cost import in_units

PAGE = Path(__file__).resolve().parent.parent / "docs" / "looker-studio.md"


def sections(report: Report) -> dict[str, str]:
    """What is to be drawn, by the names of its places on the page."""
    return {"data-sources": looker_doc.data_sources(report), "pages": looker_doc.pages(report)}


def reference_costs(report: Report) -> tuple[PageCost, ...]:
    """What the pages cost at the reference volume."""
    with duckdb.connect() as connection:
        make_tables(connection, REFERENCE)
        return page_costs(report, FileMeter(connection), latest_days(LAST_DAY))


def cost_table(costs: tuple[PageCost, ...]) -> str:
    """A line a page: what the local dashboard sends, and what Looker Studio does, a query for each component."""
    lines = [f"| {' | '.join(map(str, _cost(cost)))} |" for cost in costs]
    heads = "| page, 28 days | queries | read | budget | billed at least | Looker Studio's queries | billed at least |"
    return "\n".join([heads, "|---|---|---|---|---|---|---|", *lines])


def _cost(cost: PageCost) -> tuple[object, ...]:
    there = looker_doc.components(cost.page)
    here = map(in_units, (cost.scanned, cost.page.bytes, cost.billed))
    return (cost.page.title, len(cost.queries), *here, there, in_units(there * LEAST_BILLED))


def written(name: str) -> str:
    """What stands in this place of the page."""
    text = PAGE.read_text("utf-8")
    return text.partition(f"<!-- {name}: begin -->\n")[2].partition(f"\n<!-- {name}: end -->")[0]


def main() -> None:
    report = load_report()
    looking = {"looking": cost_table(reference_costs(report))}
    for name, text in (sections(report) | looking).items():
        write_table(name, text, PAGE)


if __name__ == "__main__":
    main()
