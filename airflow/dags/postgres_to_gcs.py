"""
Copies what changed in PostgreSQL to the lake, as dated CSV files.

### Purpose
Compares the fingerprints of the source's rows with the published ones, for the day, the days shortly before it, and
every table that has no days. What differs is written to `source/csv/YYYY-MM-DD/<table>.csv`, all from one snapshot; the
`manifest.json` beside it comes last and makes the files count.

### Schedule
After `ingest_to_postgres`, for the same day. Where a real shop fills the source (`TILLROLL_SOURCE=external`): daily at
00:00 UTC, for the day that has just ended. When it is done, `gcs_to_bq_staging` starts for the same day.

### When it fails
- The lake is as it was: files without a manifest do not count. Clear the task to run it again.
- *The columns differ from the catalog*: somebody changed a table. Compare with `tillroll discover --schema …`, correct
  `config/tables.yml` (or the table), then clear the task.
- *Are these rows meant to be gone?* Many published rows are missing in the source. If that is right, run
  `tillroll sync --day … --accept-vanishing`, then clear the task, which finds the work done; if not, repair the source.
- *Connection refused* or *too many connections*: look at PostgreSQL; `tillroll doctor` checks the way there.
"""

from typing import Any

from airflow.sdk import DAG, task

from pipeline.airflow_support.pools import WAREHOUSE
from pipeline.airflow_support.wiring import DAG_OPTIONS, DAILY, LAKE, SOURCE, after, schedule_start, source_is_external

with DAG(
    "postgres_to_gcs",
    schedule=DAILY if source_is_external() else after(SOURCE),
    start_date=schedule_start() if source_is_external() else None,
    max_active_runs=4,
    description="What changed in PostgreSQL into the lake",
    tags=["tillroll", "lake"],
    doc_md=__doc__,
    **DAG_OPTIONS,
):
    # In the pool because the published fingerprints are read from the warehouse.
    @task(outlets=[LAKE], pool=WAREHOUSE.name, priority_weight=4)
    def extract() -> dict[str, Any]:
        from pipeline.airflow_support.step_task import run_step
        from pipeline.steps import extract_day

        return run_step(extract_day)

    extract()
