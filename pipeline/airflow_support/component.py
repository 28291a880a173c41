"""Run one of Airflow's components on the laptop: wait for its database, make that ready, become the component.

    python -m pipeline.airflow_support.component scheduler

Each component waits by itself, so the process manager may start and restart them in any order.
"""

import os
import sys
import time
from types import SimpleNamespace
from typing import Any

import psycopg

from pipeline.airflow_support.prepare import prepare
from pipeline.embedded.airflow_environment import airflow_environment
from pipeline.embedded.ports import address
from pipeline.embedded.urls import airflow_database_url
from pipeline.settings import ROOT, Settings

DATABASE_SECONDS = 120.0


def hostname() -> str:
    """Where components find each other (AIRFLOW__CORE__HOSTNAME_CALLABLE): a laptop's name changes with its network."""
    return address(Settings.load(), 0).rpartition(":")[0]


def main() -> None:
    """Run the component that the first argument names. Its further arguments are passed on."""
    settings = Settings.load()
    os.chdir(ROOT)
    _wait_for_database(settings)
    os.environ.update(airflow_environment(settings))
    prepare(settings)
    sys.argv = ["airflow", *sys.argv[1:]]
    if sys.argv[1] == "scheduler":
        _serve_task_logs_on(settings.host)
    from airflow.__main__ import main as airflow

    airflow()  # type: ignore[no-untyped-call]


def _wait_for_database(settings: Settings) -> None:
    deadline = time.monotonic() + DATABASE_SECONDS
    while True:
        try:
            psycopg.connect(airflow_database_url(settings), connect_timeout=5).close()
        except psycopg.OperationalError as error:
            if time.monotonic() > deadline:
                sys.exit(f"Airflow's database does not answer: {error}")
            time.sleep(0.2)
        else:
            return


def _serve_task_logs_on(host: str) -> None:
    """Have the scheduler's server of task logs listen on `host`: Airflow has it listen everywhere, with no setting."""
    import uvicorn
    from airflow.utils.serve_logs import core

    def run(app: str, **options: Any) -> None:
        uvicorn.run(app, **{**options, "host": host})

    core.uvicorn = SimpleNamespace(run=run)  # type: ignore[attr-defined, assignment]


if __name__ == "__main__":
    main()
