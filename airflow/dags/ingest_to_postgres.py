"""
Fills the shop's PostgreSQL with one day of the practice shop.

### Purpose
Customers, sessions, transactions and reviews of one day, late rows of days before, and changes to older rows. The first
run also writes the history that a dashboard needs to show a trend. A real shop replaces this DAG: with
`TILLROLL_SOURCE=external` it does not exist, and `postgres_to_gcs` has the clock.

### Schedule
Daily at 00:00 UTC, for the day that has just ended. When it is done, `postgres_to_gcs` starts for the same day.
One day is written at a time.

### When it fails
- Nothing of the day was written: a day is one transaction. Clear the task to run it again; a day that is there stays as
  it is.
- *Connection refused*: PostgreSQL is down. `tillroll status` shows the servers, `tillroll doctor` what is wrong.
- Days before the first one cannot be added later; start with an empty database to begin earlier.
"""

from typing import Any

from airflow.sdk import DAG, task

from pipeline.airflow_support.wiring import DAG_OPTIONS, DAILY, SOURCE, schedule_start, source_is_external

if not source_is_external():
    with DAG(
        "ingest_to_postgres",
        schedule=DAILY,
        start_date=schedule_start(),
        max_active_runs=1,
        description="One day of the practice shop into PostgreSQL",
        tags=["tillroll", "source"],
        doc_md=__doc__,
        **DAG_OPTIONS,
    ):

        @task(outlets=[SOURCE], max_active_tis_per_dag=1)
        def ingest() -> dict[str, Any]:
            from pipeline.airflow_support.step_task import run_step
            from pipeline.steps import ingest_day

            return run_step(ingest_day)

        ingest()
