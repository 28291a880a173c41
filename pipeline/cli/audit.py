"""Command `audit`: is what is published still what the source holds?"""

import typer

from pipeline.cli.app import app
from pipeline.cli.console import err, out, table, watching
from pipeline.cli.options import Json
from pipeline.reports import AuditReport, TableAudit, to_json
from pipeline.settings import Settings


@app.command()
def audit(json: Json = False) -> None:
    """Compare everything that is published with the source, row for row by fingerprints, as both are now.

    Exit code 0: equal. 1: differs; the partitions are named.

    Example:  tillroll audit --json
    """
    from pipeline import equality

    with watching("audit") as progress:
        report = equality.audit(Settings.load(), progress)
    if json:
        print(to_json(report))
    else:
        _print(report)
    if not report.equal:
        raise typer.Exit(1)


def _print(report: AuditReport) -> None:
    rows = [(t.table, t.partitions, t.source_rows, t.warehouse_rows, _verdict(t)) for t in report.tables]
    table("", ["table", "partitions", "source rows", "warehouse rows", "verdict"], rows)
    altered = {partition for t in report.tables for partition in t.altered}
    for difference in (difference for t in report.tables for difference in t.differences):
        where = "warehouse" if difference.partition in altered else "source"
        out.print(f"  {difference} (changed in the {where} since it was published)", markup=False)
    until = f" up to {report.until}" if report.until else ""
    if report.equal:
        out.print(f"equal: every published partition{until} is what the source holds ({report.seconds:.1f} s)")
        return
    days = sorted({d.partition.day for t in report.tables for d in t.differences if d.partition.day})
    named = f" A day is compared again by `tillroll sync --day {days[0]}`." if days else ""
    err.print(f"not equal{until}. A sync heals what changed in the source within its lookback.{named}")


def _verdict(audited: TableAudit) -> str:
    if not audited.published:
        return "not published yet"
    return "equal" if audited.equal else f"{len(audited.differences)} differ"
