"""DAGs that fail, each in a way of its own: `make alert-matrix` puts this file where its Airflow looks for DAGs.

A run is told from others of the same DAG by its day, in its configuration.
"""

import os
import signal
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any, NoReturn

from airflow.sdk import DAG, task

from pipeline.airflow_support.callbacks import alert_failure

A_WHILE_S = 20
FOREVER_S = 600


def trial(name: str, work: Callable[[], object], *, run_limit: timedelta | None = None, **options: Any) -> None:
    """A DAG of this one task, which alerts people as the five do."""
    options = {"on_failure_callback": alert_failure, **options}
    with DAG(f"trial_{name}", schedule=None, is_paused_upon_creation=False, dagrun_timeout=run_limit):
        task(task_id="work", **options)(work)()


def raises() -> NoReturn:
    raise ValueError("the till does not open")


def takes_too_much() -> bytearray:
    return bytearray(1 << 60)


def is_killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def leaves() -> None:
    os._exit(3)


def works_on() -> None:
    time.sleep(FOREVER_S)


def works_a_while() -> None:
    time.sleep(A_WHILE_S)


def loses_its_worker() -> None:
    """The executor's worker watches the task, and is its parent."""
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(FOREVER_S)


trial("exception", raises)
trial("retry", raises, retries=1, retry_delay=timedelta(seconds=5))
trial("memory", takes_too_much)
trial("sigkill", is_killed)
trial("exit", leaves)
trial("task_limit", works_on, execution_timeout=timedelta(seconds=5))
trial("run_limit", works_on, run_limit=timedelta(seconds=5))
trial("worker", loses_its_worker)
trial("unheard", raises, on_failure_callback=None)
trial("hardy", works_a_while, retries=3, retry_delay=timedelta(seconds=1))
trial("frail", works_a_while)

with DAG("trial_upstream", schedule=None, is_paused_upon_creation=False):
    first, then = (task(task_id=name, on_failure_callback=alert_failure) for name in ("work", "after"))
    first(raises)() >> then(works_a_while)()
