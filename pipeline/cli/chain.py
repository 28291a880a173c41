"""Command `chain`: the main job. One day through all DAGs of the running Airflow, followed to its end, and reported."""

import sys
import time
from contextlib import nullcontext
from datetime import date

import typer

from pipeline.airflow_support.runs import follow_day, trigger_day
from pipeline.airflow_support.states import SUCCESS, ChainState
from pipeline.cli.app import app
from pipeline.cli.console import err, out, watching
from pipeline.cli.options import Day, chosen_days
from pipeline.cli.report import print_report
from pipeline.report import make_report
from pipeline.settings import Settings
from pipeline.warehouse import open_warehouse


@app.command()
def chain(day: Day = None) -> None:
    """Run a day through the DAGs of Airflow, follow it, and report what every layer holds.

    The servers must be up (tillroll up). Running a day again is safe: what is published already is left alone.

    Example:  tillroll chain --day 2025-01-01
    """
    settings = Settings.load()
    chosen = chosen_days(day, None, None)[0]
    started, before = time.monotonic(), open_warehouse(settings).ledger()
    _follow(settings, chosen)
    after = open_warehouse(settings).ledger()
    published = {p: e for p, e in after.items() if p not in before or before[p].published_at != e.published_at}
    rows = sum(entry.fingerprint.rows for entry in published.values())
    news = f"published {len(published):,} partitions, {rows:,} rows, each proven equal to its source"
    out.print(f"{chosen} {news if published else 'nothing to do: everything was published already'}")
    with watching(str(chosen)) as progress:
        report = make_report(settings, chosen, progress)
    print_report(settings, report, time.monotonic() - started)
    if not report.sound:
        raise typer.Exit(1)


def _follow(settings: Settings, day: date) -> None:
    """Print a line for each DAG that succeeds."""
    run_id = trigger_day(settings, day)
    told: set[str] = set()
    with err.status(f"{day} passes through the DAGs") if sys.stderr.isatty() else nullcontext():
        for state in follow_day(settings, day, run_id):
            _tell(state, told)


def _tell(state: ChainState, told: set[str]) -> None:
    for dag in state.dags:
        if dag.state == SUCCESS and dag.dag not in told:
            told.add(dag.dag)
            err.print(f"{state.day} {dag.dag:<22} success   {dag.url}")
