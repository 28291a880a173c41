"""
Loads the lake's files into the warehouse, and publishes them only when they equal the source.

### Purpose
Load, audit, publish. Files are loaded with explicit types where no reader sees them; the warehouse computes its own
fingerprint of the typed rows; only if it equals the one PostgreSQL gave is the data made visible, all tables at once,
together with the ledger that records it.

### Schedule
After `postgres_to_gcs`, for the same day. When it is done, `bq_transform_core` starts for the same day.

### When it fails
- Readers see what they saw before: nothing is published in part.
- *The audit says that rows differ*: the mail names table and day. Do not publish by hand. Run `postgres_to_gcs` for the
  day again, which writes the files anew; if it differs again, `tillroll audit` shows where.
- *A file is not what its manifest says*: it was changed or cut after it was written. Run `postgres_to_gcs` for the day
  again.
- *The warehouse is busy*: another program has its file open, or another run its lock. The task tries again by itself.
"""

from typing import Any

from airflow.sdk import DAG, task

from pipeline.airflow_support.pools import WAREHOUSE
from pipeline.airflow_support.wiring import DAG_OPTIONS, LAKE, STAGING, after

with DAG(
    "gcs_to_bq_staging",
    schedule=after(LAKE),
    max_active_runs=4,
    description="The lake's files into the warehouse: load, audit, publish",
    tags=["tillroll", "warehouse"],
    doc_md=__doc__,
    **DAG_OPTIONS,
):

    @task(outlets=[STAGING], pool=WAREHOUSE.name, priority_weight=3)
    def publish() -> dict[str, Any]:
        from pipeline.airflow_support.step_task import run_step
        from pipeline.steps import publish_day

        return run_step(publish_day)

    publish()
