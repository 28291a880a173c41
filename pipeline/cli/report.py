"""How a run's report looks on a terminal, and command `report`, which makes one at any time."""

import typer

from pipeline.cli.app import app
from pipeline.cli.console import out, table, watching
from pipeline.cli.options import Day, Json, chosen_days
from pipeline.embedded.urls import airflow_url, dashboard_url
from pipeline.report import Report, exact, make_report
from pipeline.reports import to_json
from pipeline.settings import Settings


@app.command()
def report(day: Day = None, json: Json = False) -> None:
    """Look at every layer and say whether each equals the one it came from.

    Example:  tillroll report
    """
    settings = Settings.load()
    chosen = chosen_days(day, None, None)[0]
    with watching("report") as progress:
        made = make_report(settings, chosen, progress)
    if json:
        print(to_json(made))
    else:
        print_report(settings, made, made.seconds)
    if not made.sound:
        raise typer.Exit(1)


def print_report(settings: Settings, report: Report, seconds: float) -> None:
    """Layers with their rows and verdicts, and where to look next."""
    rows = [(t.table, t.source_rows, t.lake_rows, t.staging_rows, t.verdict) for t in report.tables]
    table("\nsource ▸ lake ▸ staging (rows)", ["table", "PostgreSQL", "lake", "staging", "verdict"], rows)
    for layer in ("core", "datamart"):
        models = [(name.removeprefix(f"{layer}."), n) for name, n in report.models.items() if name.startswith(layer)]
        if models:
            table(f"\n{layer} (rows)", ["model", "rows"], models)
    checks = [
        (e.layer, e.measure, exact(e.value), exact(e.expected), "equal" if e.holds else "DIFFERS")
        for e in report.equalities
    ]
    if checks:
        table("\nlayer by layer", ["layer", "measure", "is", "expected", "verdict"], checks)
    out.print(f"\n{report.day}: {_verdict(report)} ({seconds:.0f} s)")
    out.print(f"  dashboard  {dashboard_url(settings)}")
    out.print(f"  DAGs       {airflow_url(settings)}")
    out.print(f"  marts      {settings.marts}")
    out.print(f"  files      {settings.lake}")
    out.print("  stop       make down")


def _verdict(report: Report) -> str:
    if report.equal:
        return "every layer equals its source"
    if report.sound:
        return "every layer holds what was published; the source has changed since, which the next run brings"
    return "NOT EQUAL: see above, and docs/runbook.md"
