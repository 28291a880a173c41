"""Command `cost`: what a day's run scans in BigQuery, by layer."""

from pipeline.cli.app import app
from pipeline.cli.console import out, table, watching
from pipeline.cli.options import Day, Json, chosen_days
from pipeline.cost import CostReport, make_cost
from pipeline.reports import to_json
from pipeline.settings import Settings

_UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB")


@app.command()
def cost(day: Day = None, json: Json = False) -> None:
    """Estimate the bytes that the run for a day loaded and scanned in BigQuery, and what building all anew would scan.

    Dry runs of the statements say it, which cost nothing. BigQuery bills at least 10 MB for each table of a statement.

    Example:  tillroll cost --day 2025-01-31
    """
    chosen = chosen_days(day, None, None)[0]
    with watching(str(chosen)) as progress:
        report = make_cost(Settings.load(), chosen, progress)
    if json:
        print(to_json(report))
    else:
        _print(report)


def _print(report: CostReport) -> None:
    rows = [(x.layer, x.statements, in_units(x.day_bytes), in_units(x.full_bytes)) for x in report.layers]
    total = ("all", sum(x.statements for x in report.layers), in_units(report.day_bytes), in_units(report.full_bytes))
    table("scanned in BigQuery", ["layer", "statements", f"run for {report.day}", "all anew"], [*rows, total])
    days = f"{len(report.days)} day{'s' if len(report.days) != 1 else ''}"
    out.print(f"loaded, which is free: {in_units(report.loaded_bytes)} for {days} and what has no days")


def in_units(number: int) -> str:
    """Bytes for people: 1.2 GB."""
    value, unit = float(number), 0
    while value >= 1000 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.1f} {_UNITS[unit]}" if unit else f"{number} {_UNITS[0]}"
