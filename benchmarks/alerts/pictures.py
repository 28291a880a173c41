"""Mails as people see them: rendered by a real browser, as wide as a desk's and a phone's mail program.

make mail-picture                                 docs/pictures/failure-mail.png
python -m benchmarks.alerts.pictures FOLDER       every kind of mail, wide and narrow, light and dark
"""

import argparse
import ast
import shutil
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from textwrap import indent

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from pipeline.airflow_support.doc import WHEN_IT_FAILS, section
from pipeline.alerts.alert import Alert
from pipeline.alerts.digest import digest
from pipeline.alerts.failure import Failure
from pipeline.alerts.mail import compose
from pipeline.settings import ROOT

PICTURE = ROOT / "docs" / "pictures" / "failure-mail.png"
WIDE, PHONE = 800, 390
# Enough for letters on three grounds; a third of the size.
COLOURS = 64
_FAILED_AT = datetime(2025, 1, 4, 0, 6, 31, tzinfo=UTC)
_DAG = "gcs_to_bq_staging"

_TRACEBACK = """Traceback (most recent call last):
  File "/srv/tillroll/airflow/dags/gcs_to_bq_staging.py", line 50, in publish
    return run_step(publish_day)
           ^^^^^^^^^^^^^^^^^^^^^
  File "/srv/tillroll/pipeline/airflow_support/step_task.py", line 46, in run_step
    report = step(settings, day)
             ^^^^^^^^^^^^^^^^^^^
  File "/srv/tillroll/pipeline/steps.py", line 143, in publish_day
    published = publish(warehouse, lake, wanted, manifests, progress)
  File "/srv/tillroll/pipeline/audit.py", line 61, in require_equal
    raise AuditError(message, remedy)
pipeline.errors.AuditError: transaction 2025-01-03: source 16500 rows, loaded 16491 rows"""


_EVIDENCE = """in the source: select * from "ecommerce"."transaction" where "created_at" >= '2025-01-03T00:00Z' and \
"created_at" < '2025-01-04T00:00Z';
in the lake: source/csv/2025-01-03/transaction.csv"""
_PUBLISHED = """Dashboards show the marts, which change all at once or not at all.
- staging: NOT 2025-01-03; days up to 2025-01-02, since 2025-01-03 00:06 UTC
- core: NOT 2025-01-03; days up to 2025-01-02, since 2025-01-03 00:07 UTC
- marts: NOT 2025-01-03; days up to 2025-01-02, since 2025-01-03 00:08 UTC"""
_SELECT = """select review_id, count(*)
from core.fact_review
group by review_id
having count(*) > 1"""


def failure(dag: str = _DAG, task: str = "publish", after: timedelta = timedelta()) -> Alert:
    """An audit that differs, as the callback reports it."""
    doc = ast.get_docstring(ast.parse((ROOT / "airflow" / "dags" / f"{dag}.py").read_text("utf-8"))) or ""
    run = "asset_triggered__2025-01-04T00:05:58.112034+00:00_kX3vYbQz"
    return Failure(
        dag=dag,
        task=task,
        day="2025-01-03",
        run=run,
        attempt=1,
        error="pipeline.errors.AuditError",
        message="transaction 2025-01-03: source 16500 rows, loaded 16491 rows; nothing is published",
        traceback=_TRACEBACK,
        remedy="Run postgres_to_gcs for 2025-01-03 again, which writes the files anew.",
        guidance=section(doc, WHEN_IT_FAILS),
        started_at=_FAILED_AT - timedelta(seconds=29),
        failed_at=_FAILED_AT + after,
        evidence=_EVIDENCE,
        published=_PUBLISHED,
        log_url=f"https://airflow.example.org/dags/{dag}/runs/{run}/tasks/{task}?try_number=1",
    ).alert()


def examples() -> Mapping[str, Alert]:
    """One alert of each kind."""
    others = [failure("bq_transform_core", "build", timedelta(seconds=number)) for number in range(1, 13)]
    now, what = _FAILED_AT, "What to do"
    warning = (
        ("What was found", "`unique_fact_review_review_id` found 3 rows in `fact_review`; the run went on."),
        (what, "Look at the rows, and mend the source or the model."),
        ("The rows", indent(_SELECT, "    ")),
    )
    times = (("Since", "2025-01-04 00:06:31 UTC"), ("Until", "2025-01-04 00:09:12 UTC"))
    over = ((what, "Nothing: it is over."),)
    return {
        "failure": failure(),
        "digest": digest([failure(), *others]),
        "resolved": Alert("k-over", "t", "RESOLVED DOWN Airflow scheduler", now, times, over, follows="k"),
        "warning": Alert("w", "t", "WARNING 3 rows of fact_review break a rule", now, (), warning, severity="warning"),
    }


def html(alert: Alert) -> str:
    """The HTML part of its mail."""
    part = compose(alert, "tillroll@example.org", ["data-team@example.org"]).get_body(("html",))
    return str(part.get_content()) if part else ""


def photograph(browser: Browser, alert: Alert, path: Path, width: int, *, dark: bool = False) -> None:
    """A picture of the whole mail."""
    page = browser.new_page(viewport={"width": width, "height": 200}, color_scheme="dark" if dark else "light")
    page.set_content(html(alert))
    page.screenshot(path=path, full_page=True)
    page.close()
    with Image.open(path) as picture:
        picture.quantize(COLOURS).save(path, optimize=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", help="for every kind of mail")
    folder: Path | None = parser.parse_args().folder
    (folder or PICTURE.parent).mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        if folder is None:
            photograph(browser, failure(), PICTURE, WIDE)
            return 0
        for name, alert in examples().items():
            for width in (WIDE, PHONE):
                photograph(browser, alert, folder / f"{name}-{width}.png", width)
                photograph(browser, alert, folder / f"{name}-{width}-dark.png", width, dark=True)
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
