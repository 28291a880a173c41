"""
Turns the published tables into facts and dimensions.

### Purpose
dbt builds and tests `stg_*`, `dim_*` and `fact_*`. Facts are rebuilt for the days that changed since the last time, not
for all of history. Rows that break a rule of the business go to `quarantine_*` with the reason.

### Schedule
After `gcs_to_bq_staging`, for the same day. When it is done, `bq_transform_datamart` starts for the same day.

### When it fails
- The mail names the model or the test; the whole output of dbt is in the task's log.
- *A test failed*: the log says which, and how many rows it found. Correct the source, or the model, and clear the task:
  the same days are taken again until they succeed.
- *The warehouse is busy*: another program has its file open, or another run its lock. The task tries again by itself.
"""

from typing import Any

from airflow.sdk import DAG, task

from pipeline.airflow_support.pools import WAREHOUSE
from pipeline.airflow_support.wiring import CORE, DAG_OPTIONS, STAGING, after

with DAG(
    "bq_transform_core",
    schedule=after(STAGING),
    max_active_runs=4,
    description="Facts and dimensions from the published tables",
    tags=["tillroll", "dbt"],
    doc_md=__doc__,
    **DAG_OPTIONS,
):

    @task(outlets=[CORE], pool=WAREHOUSE.name, priority_weight=2)
    def transform() -> dict[str, Any]:
        from pipeline.airflow_support.step_task import run_step
        from pipeline.transform import transform_core

        return run_step(transform_core)

    transform()
