"""Airflow's plugin that hands failures to the outbox of alerts: of every DAG, whether or not it has our callback.

It only wires. Every task imports it, so what it calls is imported when something has failed.
"""

from typing import Any

from airflow.listeners import hookimpl
from airflow.plugins_manager import AirflowPlugin


class Listener:
    """What Airflow calls, by these names: docs/alerts.md says in which process."""

    @hookimpl
    def on_task_instance_failed(self, previous_state: Any, task_instance: Any, error: Any) -> None:
        from pipeline.airflow_support.listener import task_failed

        task_failed(task_instance, error, by_hand=previous_state is None)

    @hookimpl
    def on_dag_run_failed(self, dag_run: Any, msg: str) -> None:
        from pipeline.airflow_support.listener import run_failed

        run_failed(dag_run, msg)

    @hookimpl
    def on_new_dag_import_error(self, filename: str, stacktrace: str) -> None:
        from pipeline.airflow_support.listener import file_broke

        file_broke(filename)


class FailureListener(AirflowPlugin):
    """The plugin."""

    name = "tillroll_failures"
    listeners = [Listener()]  # noqa: RUF012 - Airflow's own declaration
