"""The tasks as Airflow runs them: the step gets its day, its report is kept, and a failure becomes exactly one mail."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from email.message import EmailMessage
from typing import Any

import pytest
from mail_catcher import MailCatcher, catching_mail

import pipeline.steps
from pipeline.airflow_support.chain import GCS_TO_BQ_STAGING
from pipeline.airflow_support.step_task import summary
from pipeline.airflow_support.wiring import RETRY_POLICY
from pipeline.alerts.outbox import Outbox
from pipeline.errors import AuditError, ConfigurationError, SchemaDriftError, StepError, TransientError
from pipeline.reports import PublishReport
from pipeline.settings import Settings

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("airflow_database")]

SECRET = "hunter2-S3cret"  # noqa: S105 - what must not be seen


@dataclass(frozen=True)
class Report:
    day: date
    rows: int
    warnings: tuple[str, ...] = ()


@pytest.fixture
def inbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[MailCatcher]:
    with catching_mail() as catcher:
        monkeypatch.setenv("TILLROLL_SMTP_URL", catcher.url)
        yield catcher


@pytest.fixture
def publish(monkeypatch: pytest.MonkeyPatch, dags: dict[str, Any]) -> Callable[..., Any]:
    """Run gcs_to_bq_staging for 2025-01-03 with `step` in the place of the real one; returns the run's only task."""

    def run(step: Callable[[Settings, date], Any]) -> Any:
        monkeypatch.setattr(pipeline.steps, "publish_day", step)
        dag_run = dags[GCS_TO_BQ_STAGING].test(logical_date=None, run_conf={"day": "2025-01-03"})
        (task,) = dag_run.get_task_instances()
        return task

    return run


def fails(settings: Settings, day: date) -> Report:
    url = f"postgresql://shop:{SECRET}@db/shop"
    raise AuditError(f"session {day}: <9> rows differ, read from {url}", "Run postgres_to_gcs again.")


def body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content())


def test_the_step_gets_its_day_and_its_report_is_kept(publish: Callable[..., Any], inbox: MailCatcher) -> None:
    days = []

    def step(settings: Settings, day: date) -> Report:
        days.append(day)
        return Report(day, 7)

    task = publish(step)
    assert (task.state, days) == ("success", [date(2025, 1, 3)])
    assert task.xcom_pull(task_ids="publish") == {"day": "2025-01-03", "rows": 7, "warnings": []}
    assert inbox.messages == []


def test_what_stops_nothing_is_mailed_and_the_step_is_done(publish: Callable[..., Any], inbox: MailCatcher) -> None:
    task = publish(lambda _, day: PublishReport(day, {}, 0, {"rejected_review": 2}, 0.1))
    assert task.state == "success"
    (message,) = inbox.messages
    assert message["Subject"] == "[Tillroll] REJECTED 2 rows: see staging.rejected_review"
    (entry,) = Outbox.of(Settings.load().data).entries()
    assert (entry.alert.dag, entry.alert.tags) == (GCS_TO_BQ_STAGING, ("tillroll", "warehouse"))


def test_a_failure_is_one_mail_with_all_there_is_to_know(publish: Callable[..., Any], inbox: MailCatcher) -> None:
    task = publish(fails)
    assert task.state == "failed"
    (message,) = inbox.messages
    assert message["Subject"] == "[Tillroll] FAILED gcs_to_bq_staging.publish for 2025-01-03"
    text = " ".join(body(message, "plain").split())  # lines are broken anywhere
    for fact in [
        "DAG gcs_to_bq_staging",
        "Task publish",
        "Day 2025-01-03",
        "Exception pipeline.errors.AuditError",
        "session 2025-01-03: <9> rows differ",
        f"{task.start_date:%Y-%m-%d %H:%M}",
        "/tasks/publish",
        "Run postgres_to_gcs again.",
        "Do not publish by hand.",
        "in fails",
    ]:
        assert fact in text
    assert "&lt;9&gt; rows differ" in body(message, "html")


def test_no_secret_is_mailed(publish: Callable[..., Any], inbox: MailCatcher) -> None:
    publish(fails)
    (raw,) = inbox.raw
    assert SECRET.encode() not in raw
    assert b"postgresql://shop:***@db/shop" in raw


def test_a_wrong_setting_is_a_failed_task_and_a_mail_that_names_it(
    publish: Callable[..., Any], inbox: MailCatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TILLROLL_LOOKBACK", "many")
    assert publish(fails).state == "failed"
    (message,) = inbox.messages
    assert "TILLROLL_LOOKBACK" in body(message, "plain")


def test_without_a_mail_server_the_task_fails_as_it_would(
    publish: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TILLROLL_SMTP_URL", "smtp://127.0.0.1:1")
    assert publish(fails).state == "failed"


@pytest.mark.parametrize(
    ("error", "action"),
    [
        (ConfigurationError("x"), "fail"),
        (SchemaDriftError("x"), "fail"),
        (AuditError("x"), "fail"),
        (TransientError("x"), "default"),
        (StepError("x"), "default"),
        (OSError("x"), "default"),
    ],
)
def test_only_what_may_pass_by_itself_is_tried_again(error: Exception, action: str) -> None:
    assert RETRY_POLICY.evaluate(error, try_number=1, max_tries=2).action.value == action


def test_a_long_value_of_a_report_is_counted_and_not_kept() -> None:
    assert summary(Report(date(2025, 1, 3), 1, tuple("warning" for _ in range(500))))["warnings"] == "500 entries"
