"""What is read from Airflow's context about a failure: whatever is missing there, there is something to send."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.airflow_support.failure_context import failure_of, settings_for_alert
from pipeline.errors import AuditError, parts_of

STARTED = datetime(2025, 1, 4, 0, 0, 10, tzinfo=UTC)

DOC = """
Loads.

### Schedule
Daily.

### When it fails
- Do not publish by hand.
"""


def context(**parts: Any) -> dict[str, Any]:
    ti = SimpleNamespace(
        dag_id="gcs_to_bq_staging",
        task_id="publish",
        run_id="scheduled__x",
        try_number=2,
        start_date=STARTED,
        end_date=None,
        log_url="http://127.0.0.1:8080/x",
    )
    return {
        "ti": ti,
        "dag": SimpleNamespace(doc_md=DOC, tags={"warehouse", "tillroll"}),
        "partition_key": "2025-01-03",
        **parts,
    }


def raised(error: Exception) -> Exception:
    password = "hunter2"  # noqa: S105 - what must not be seen
    try:
        raise error from ValueError(f"postgresql://shop:{password}@db/shop")
    except Exception as caught:  # noqa: BLE001 - to have a traceback
        return caught


def test_an_error_of_ours_comes_with_its_remedy() -> None:
    failure = failure_of(context(exception=raised(AuditError("9 rows differ", "Run it again.", "select 9"))))
    assert (failure.dag, failure.task, failure.day) == ("gcs_to_bq_staging", "publish", "2025-01-03")
    assert (failure.error, failure.message) == ("pipeline.errors.AuditError", "9 rows differ")
    assert (failure.remedy, failure.evidence) == ("Run it again.", "select 9")
    assert failure.guidance == "- Do not publish by hand."
    assert failure.started_at == STARTED
    assert (failure.alert().dag, failure.alert().tags) == ("gcs_to_bq_staging", ("tillroll", "warehouse"))
    assert failure.failed_at.tzinfo is not None


def test_the_traceback_is_there_with_its_causes_and_without_secrets() -> None:
    failure = failure_of(context(exception=raised(KeyError("x"))), frozenset({"dag_run_7"}))
    assert failure.error == "KeyError"
    assert "in raised" in failure.traceback
    assert "postgresql://shop:***@db/shop" in failure.traceback
    assert "hunter2" not in failure.traceback


def test_known_secrets_are_masked_in_every_text() -> None:
    error = raised(AuditError("cannot use s3cr3t-token", "Replace s3cr3t-token."))
    failure = failure_of(context(exception=error), frozenset({"s3cr3t-token"}))
    assert "s3cr3t-token" not in f"{failure.message}{failure.remedy}{failure.traceback}"


@pytest.mark.parametrize(
    "parts", [{}, {"exception": None}, {"reason": "timed_out"}, {"exception": "killed externally"}]
)
def test_without_an_exception_there_is_a_failure_all_the_same(parts: dict[str, Any]) -> None:
    failure = failure_of(context(**parts))
    assert failure.error == "unknown"
    assert failure.message
    assert failure.traceback == ""


@pytest.mark.parametrize("parts", [{"partition_key": None}, {"partition_key": "no date"}, {"dag": None}])
def test_without_a_day_or_a_page_there_is_a_failure_all_the_same(parts: dict[str, Any]) -> None:
    assert failure_of(context(**parts)).dag == "gcs_to_bq_staging"


@pytest.mark.parametrize(
    ("parts", "day", "work_is_of"),
    [
        ({"partition_key": "2025-01-03"}, "2025-01-03", "2025-01-03"),
        ({"partition_key": "2025-01-03T05"}, "2025-01-03T05", "2025-01-03T05"),
        ({"partition_key": None, "dag_run": SimpleNamespace(conf={"day": "2025-1-3"})}, "2025-01-03", "2025-01-03"),
        ({"partition_key": None, "ds": "2025-01-03"}, "no day", "scheduled__x"),
        ({"partition_key": None, "ds": "2025-01-03", "dag_run": SimpleNamespace(conf=None)}, "no day", "scheduled__x"),
    ],
    ids=["a day", "an hour", "by hand", "by the clock", "by the clock, not configured"],
)
def test_the_24_runs_of_an_hourly_dags_day_are_not_one_work(parts: dict[str, Any], day: str, work_is_of: str) -> None:
    failure = failure_of(context(**parts))

    assert failure.day == day
    work = failure.alert().work
    assert work is not None
    assert work.name.splitlines()[-1] == work_is_of


@pytest.mark.parametrize(
    ("dag", "day", "is_there"),
    [
        ("gcs_to_bq_staging", "2025-01-03", True),
        ("gcs_to_bq_staging", "2025-01-03T05", False),
        ("theirs", "2025-01-03", False),
    ],
)
def test_only_of_a_day_in_the_chain_a_backfill_is_named(dag: str, day: str, is_there: bool) -> None:
    found = context(partition_key=day)
    found["ti"].dag_id = dag

    again = dict(failure_of(found).alert().sections)["How to run it again"]
    assert ("tillroll backfill" in again) == is_there


def test_a_huge_message_is_cut() -> None:
    failure = failure_of(context(exception=raised(ValueError("x" * 1_000_000))))
    assert len(failure.message) < 5_000
    assert len(failure.traceback) < 10_000


def test_a_wrong_setting_does_not_keep_the_mail_from_being_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TILLROLL_LOOKBACK", "many")
    monkeypatch.setenv("TILLROLL_ALERT_TO", "ops@example.org")
    settings = settings_for_alert()
    assert settings.lookback == 7
    assert settings.alert_to == ("ops@example.org",)


@pytest.mark.parametrize(
    "parts", [("9 rows", "Run it.", "select 9;\nselect 8;"), ("9 rows", "Run it.", ""), ("9", "", "")]
)
def test_an_errors_parts_are_found_again_in_its_text(parts: tuple[str, str, str]) -> None:
    assert parts_of(str(AuditError(*parts))) == parts
