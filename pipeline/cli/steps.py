"""Commands for a day's steps, without Airflow: `ingest`, `sync`, `transform`, `run`."""

import time
from datetime import date
from typing import Annotated, Any

import typer

from pipeline.cli.app import app
from pipeline.cli.console import out, watching
from pipeline.cli.options import AcceptVanishing, Day, From, Json, To, chosen_days
from pipeline.plan import Scope
from pipeline.reports import SyncReport, to_json, to_plain
from pipeline.settings import Settings

Sweep = Annotated[
    int | None, typer.Option(min=0, metavar="N", help="Older days of each table to compare. Default: TILLROLL_SWEEP.")
]


@app.command()
def ingest(day: Day = None, first: From = None, last: To = None, json: Json = False) -> None:
    """Let the practice shop live through a day: new orders, payments, reviews, price changes.

    Examples:  tillroll ingest --day 2025-01-01   ·   tillroll ingest --from 2025-01-01 --to 2025-01-31
    """
    settings = Settings.load()
    reports = [_ingest(settings, d, quiet=json) for d in chosen_days(day, first, last)]
    _print_json(json, reports)


@app.command()
def sync(
    day: Day = None,
    first: From = None,
    last: To = None,
    sweep: Sweep = None,
    accept_vanishing: AcceptVanishing = False,
    json: Json = False,
) -> None:
    """Bring the warehouse's staging up to a day: plan, extract, load, audit, publish.

    Examples:  tillroll sync --day 2025-01-01   ·   tillroll sync --from 2025-01-01 --to 2025-01-31 --json
    """
    settings, scope = Settings.load(), Scope(sweep=sweep, accept_vanishing=accept_vanishing)
    reports = [_sync(settings, d, scope, quiet=json) for d in chosen_days(day, first, last)]
    _print_json(json, reports)


@app.command()
def transform(day: Day = None, first: From = None, last: To = None, json: Json = False) -> None:
    """Build and test facts, dimensions and marts from what is published (dbt).

    Example:  tillroll transform --day 2025-01-01
    """
    settings = Settings.load()
    reports = [report for d in chosen_days(day, first, last) for report in _transform(settings, d, quiet=json)]
    _print_json(json, reports)


@app.command()
def run(day: Day = None, first: From = None, last: To = None, json: Json = False) -> None:
    """Ingest, sync and transform in one process, without Airflow.

    With TILLROLL_SOURCE=external there is nothing to ingest: your shop does that.

    Examples:  tillroll run   ·   tillroll run --from 2025-01-01 --to 2025-01-07
    """
    settings = Settings.load()
    reports = []
    for d in chosen_days(day, first, last):
        started = time.monotonic()
        ingested = None if settings.source == "external" else _ingest(settings, d, quiet=json)
        synced = _sync(settings, d, Scope(), quiet=json)
        core, datamart = _transform(settings, d, quiet=json)
        seconds = time.monotonic() - started
        _say(json, f"{d} done in {seconds:.1f} s: proven equal and published")
        reports.append({"ingest": ingested, "sync": synced, "core": core, "datamart": datamart, "seconds": seconds})
    _print_json(json, reports)


def _ingest(settings: Settings, day: date, *, quiet: bool) -> Any:
    from pipeline.steps import ingest_day

    with watching(str(day)) as progress:
        progress("ingest", 0, 1)
        report = ingest_day(settings, day)
        progress("ingest", 1, 1)
    rows = sum(report.inserted.values()), sum(report.updated.values())
    what = "already ingested" if report.already_done else f"{rows[0]:,} rows inserted, {rows[1]:,} updated"
    _say(quiet, f"{day} ingest     {what} ({report.seconds:.1f} s)")
    return report


def _sync(settings: Settings, day: date, scope: Scope, *, quiet: bool) -> SyncReport:
    from pipeline.alerts.tell import tell
    from pipeline.steps import sync_day

    with watching(str(day)) as progress:
        report = sync_day(settings, day, progress, scope)
    tell(settings, report)
    extracted, published = report.extract, report.publish
    for warning in extracted.warnings:
        _say(quiet, f"{day} warning    {warning}")
    _say(quiet, f"{day} extract    {_extracted(extracted.compared, extracted.planned)} ({extracted.seconds:.1f} s)")
    what = f"{sum(published.partitions.values()):,} partitions, {published.rows:,} rows proven equal and published"
    what = "nothing to do: everything is published" if published.nothing_to_do else what
    _say(quiet, f"{day} publish    {what} ({published.seconds:.1f} s)")
    for table, rows in published.rejected.items():
        _say(quiet, f"{day} rejected   {rows:,} rows that cannot be held exactly: see staging.{table}")
    return report


def _extracted(compared: int, planned: dict[str, int]) -> str:
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in planned.items())
    return f"{compared:,} partitions compared with the source: {reasons or 'all equal to what is published'}"


def _transform(settings: Settings, day: date, *, quiet: bool) -> tuple[Any, Any]:
    from pipeline.alerts.tell import tell
    from pipeline.transform import transform_core, transform_datamart

    with watching(str(day)) as progress:
        core = transform_core(settings, day, progress)
        tell(settings, core)
        datamart = transform_datamart(settings, day, progress)
        tell(settings, datamart)
    for report in (core, datamart):
        what = f"{report.models} models built, {report.tests} tests passed"
        if report.nothing_to_do:
            built = settings.dbt_folder is not None
            what = f"nothing to do: {'built from what is published' if built else 'there is no dbt project'}"
        _say(quiet, f"{day} {report.dataset:<10} {what} ({report.seconds:.1f} s)")
        for table, rows in report.quarantined.items():
            _say(quiet, f"{day} quarantine {rows:,} rows of {table}: see staging.quarantine_{table}")
        for warned in report.warned:
            _say(quiet, f"{day} warning    {warned}")
    return core, datamart


def _say(quiet: bool, line: str) -> None:
    if not quiet:
        out.print(line, markup=False)


def _print_json(json: bool, reports: list[Any]) -> None:
    if json:
        print(to_json([to_plain(report) for report in reports]))
