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
