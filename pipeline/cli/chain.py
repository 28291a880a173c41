"""Command `chain`: the main job. One day through all DAGs of the running Airflow, followed to its end, and reported."""

import time
from datetime import date

import typer

from pipeline.airflow_support.runs import follow_day, trigger_day
from pipeline.airflow_support.states import SUCCESS, WAITING, ChainState
from pipeline.cli.app import app
from pipeline.cli.console import err, watching
from pipeline.cli.options import Day, chosen_days
from pipeline.cli.report import print_report
from pipeline.report import make_report
from pipeline.settings import Settings


@app.command()
def chain(day: Day = None) -> None:
    """Run a day through the DAGs of Airflow, follow it, and report what every layer holds.

    The servers must be up (tillroll up). Running a day again is safe: what is published already is left alone.

    Example:  tillroll chain --day 2025-01-01
    """
    settings = Settings.load()
    chosen = chosen_days(day, None, None)[0]
    started = time.monotonic()
    _follow(settings, chosen)
    with watching(str(chosen)) as progress:
        report = make_report(settings, chosen, progress)
    print_report(settings, report, time.monotonic() - started)
    if not report.equal:
        raise typer.Exit(1)


def _follow(settings: Settings, day: date) -> None:
    run_id = trigger_day(settings, day)
    told: dict[str, str] = {}
    with watching(str(day)) as progress:
        for state in follow_day(settings, day, run_id):
            _tell(state, told)
            progress("DAGs", sum(dag.state == SUCCESS for dag in state.dags), len(state.dags))


def _tell(state: ChainState, told: dict[str, str]) -> None:
    for dag in state.dags:
        if dag.state != told.get(dag.dag, WAITING):
            told[dag.dag] = dag.state
            if dag.state == SUCCESS:
                err.print(f"{state.day} {dag.dag:<22} success   {dag.url}")
