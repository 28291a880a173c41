"""
Builds the datamarts that people look at, and hands them to the readers.

### Purpose
dbt builds and tests `marts_*` from facts and dimensions. Readers get the new marts all at once.

### Schedule
After `bq_transform_core`, for the same day. It is the last DAG of the chain: when it is green, the day is in the
dashboard.

### When it fails
- Dashboards show the marts of the last good run.
- The mail names the model or the test; the whole output of dbt is in the task's log. Correct the model, and clear the
  task.
- *The warehouse is busy*: another program has its file open, or another run its lock. The task tries again by itself.
"""

from typing import Any

from airflow.sdk import DAG, task

from pipeline.airflow_support.pools import WAREHOUSE
from pipeline.airflow_support.wiring import CORE, DAG_OPTIONS, DATAMART, after

with DAG(
    "bq_transform_datamart",
    schedule=after(CORE),
    max_active_runs=4,
    description="Datamarts from facts and dimensions",
    tags=["tillroll", "dbt"],
    doc_md=__doc__,
    **DAG_OPTIONS,
):

    @task(outlets=[DATAMART], pool=WAREHOUSE.name, priority_weight=1)
    def transform() -> dict[str, Any]:
        from pipeline.airflow_support.step_task import run_step
        from pipeline.transform import transform_datamart

        return run_step(transform_datamart)

    transform()
