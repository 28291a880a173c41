"""`tillroll backfill`: a range of days through all DAGs of the running Airflow."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Annotated

import typer

from pipeline.airflow_support.api import AirflowApi
from pipeline.airflow_support.backfill import create_backfill
from pipeline.airflow_support.chain import chain_of
from pipeline.airflow_support.explain import explain
from pipeline.airflow_support.follow import follow
from pipeline.airflow_support.runs import open_api, require_chain
from pipeline.airflow_support.states import SUCCESS, ChainState, latest
from pipeline.cli.app import app
from pipeline.cli.console import err, out, table, watching
from pipeline.cli.options import Json, chosen_days
from pipeline.settings import Settings


@app.command()
def backfill(
    first: Annotated[str, typer.Option("--from", metavar="YYYY-MM-DD", help="The first day.")],
    last: Annotated[str, typer.Option("--to", metavar="YYYY-MM-DD", help="The last day, inclusive.")],
    reprocess: Annotated[bool, typer.Option("--reprocess", help="Also the days that have run already.")] = False,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Follow the runs until all of them are done.")] = True,
    as_json: Json = False,
) -> None:
    """Run the days of a range through all DAGs of Airflow, and follow them.

    Days that have run already are left alone, and days that are on their way are followed too. Running a day again is
    safe, and is how a failed day is retried. The servers must be up (tillroll up).

    Examples:

        tillroll backfill --from 2025-01-01 --to 2025-01-31

        tillroll backfill --from 2025-01-03 --to 2025-01-03 --reprocess
    """
    days, settings = chosen_days(None, first, last), Settings.load()
    chain = chain_of(settings)
    with open_api(settings) as api:
        require_chain(api, chain)
        started = create_backfill(api, chain[0], days[0], days[-1], reprocess=reprocess)
        earlier = [latest(api, chain, day) for day in started.skipped]
        skipped = [state for state in earlier if state.settled]
        heads = started.heads | {state.day: state.dags[0].run_id for state in earlier if not state.settled}
        before = len(heads) - len(started.heads)
        underway = f", {before} were on their way" if before else ""
        err.print(f"{len(started.heads)} of {len(days)} days are to run{underway}: {api.url}/dags/{chain[0]}")
        followed = _follow(api, chain, heads) if wait else []
        _show(chain, followed, skipped, as_json=as_json)
        _explain(api, [*followed, *skipped])
    if not all(state.done for state in [*followed, *skipped]):
        raise typer.Exit(1)


def _follow(api: AirflowApi, chain: Sequence[str], heads: Mapping[date, str]) -> list[ChainState]:
    states: list[ChainState] = []
    done: dict[str, int] = {}
    try:
        with watching("backfill") as progress:
            for states in follow(api, tuple(chain), heads):
                for position, dag in enumerate(chain):
                    before, now = done.get(dag), sum(state.dags[position].state == SUCCESS for state in states)
                    if now != before:
                        done[dag] = now
                        progress(dag, now, len(states))
    except KeyboardInterrupt:
        err.print(f"no longer followed; Airflow goes on with it: {api.url}/dags/{chain[0]}")
        raise typer.Exit(1) from None
    return states


def _show(
    chain: Sequence[str], followed: Sequence[ChainState], skipped: Sequence[ChainState], *, as_json: bool
) -> None:
    if as_json:
        out.print_json(json.dumps([_plain(state) for state in [*followed, *skipped]]))
        return
    if followed:
        rows = [[dag, *_tally(state.dags[position].state for state in followed)] for position, dag in enumerate(chain)]
        table("runs that were followed", ["DAG", "success", "failed", "not reached"], rows)
    for state in skipped:
        done = "done" if state.done else "NOT DONE"
        out.print(f"{state.day}: had run already, {done}; --reprocess runs it again")


def _tally(states: Iterable[str]) -> tuple[int, int, int]:
    found = list(states)
    success, failed = found.count(SUCCESS), found.count("failed")
    return success, failed, len(found) - success - failed


def _explain(api: AirflowApi, states: Sequence[ChainState]) -> None:
    for state in states:
        if state.failed:
            err.print(f"error: {explain(api, state.day, state.failed)}", style="red", markup=False)


def _plain(state: ChainState) -> dict[str, object]:
    return {"day": str(state.day), "done": state.done, "dags": {dag.dag: dag.state for dag in state.dags}}
