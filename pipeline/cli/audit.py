"""Command `audit`: is what is published still what the source holds? `--heal` publishes again what is not."""

from typing import Annotated

import typer

from pipeline.cli.app import app
from pipeline.cli.console import err, out, table, watching
from pipeline.cli.options import AcceptVanishing, Json
from pipeline.errors import ConfigurationError
from pipeline.reports import AuditReport, SyncReport, TableAudit, to_json
from pipeline.settings import Settings

Heal = Annotated[bool, typer.Option("--heal", help="Publish again what differs, on whatever day, and audit again.")]


@app.command()
def audit(heal: Heal = False, accept_vanishing: AcceptVanishing = False, json: Json = False) -> None:
    """Compare everything that is published with the source, row for row by fingerprints, as both are now.

    Exit code 0: equal. 1: differs; the partitions are named, and people are alerted, once.

    Examples:  tillroll audit --json   ·   tillroll audit --heal
    """
    from pipeline.alerts.tell import tell

    if accept_vanishing and not heal:
        raise ConfigurationError("--accept-vanishing is for --heal: an audit changes nothing", "Leave it out.")
    settings = Settings.load()
    report = _healed(settings, accept_vanishing, json=json) if heal else _audited(settings, json=json)
    tell(settings, report)
    if not report.equal:
        raise typer.Exit(1)


def _audited(settings: Settings, *, json: bool) -> AuditReport:
    from pipeline import equality

    with watching("audit") as progress:
        report = equality.audit(settings, progress)
    if json:
        print(to_json(report))
        return report
    _print(report)
    if not report.equal:
        err.print("`tillroll audit --heal` publishes again what differs; a sync does for the days of its lookback.")
    return report


def _healed(settings: Settings, accept_vanishing: bool, *, json: bool) -> AuditReport:
    from pipeline import equality

    with watching("audit and heal") as progress:
        report = equality.heal(settings, progress, accept_vanishing=accept_vanishing)
    if json:
        print(to_json(report))
        return report.after
    _print(report.before)
    if report.synced:
        _print_healed(report.synced)
        _print(report.after)
    if not report.equal:
        err.print("Rows are changed while they are compared: run it again.")
    return report.after


def _print_healed(synced: SyncReport) -> None:
    partitions = sum(synced.publish.partitions.values())
    out.print(f"healed: {partitions:,} partitions, {synced.publish.rows:,} rows proven equal and published again")
    if partitions:
        out.print(f"`tillroll transform --day {synced.publish.day}` builds the models of them.")


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
    else:
        err.print(f"not equal{until}.")


def _verdict(audited: TableAudit) -> str:
    if not audited.published:
        return "not published yet"
    return "equal" if audited.equal else f"{len(audited.differences)} differ"
