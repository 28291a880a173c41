"""What the measured table counts: mails under the titles that they tell of, and none that nobody expected."""

from datetime import UTC, datetime, timedelta
from email.parser import BytesParser
from email.policy import default
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks.alerts.failure_class import LONGEST_WAIT_S, FailureClass, judge, unexpected
from benchmarks.alerts.mail_server import Arrived, arrived
from benchmarks.alerts.table import row, table
from pipeline.alerts.alert import Alert
from pipeline.alerts.digest import LONGEST_LIST, digest
from pipeline.alerts.mail import compose

NOW = datetime(2025, 1, 4, tzinfo=UTC)
KILLED = FailureClass("SIGKILL", "FAILED trial.work for 2025-01-01", "the kill", lambda _: NOW)


def alert(title: str) -> Alert:
    sections = (("Error", "12:00:00 it died"), ("What to do", "Look."))
    return Alert(title, "topic", title, NOW, (("DAG", "trial"),), sections)


def told_by(*titles: str) -> Arrived:
    sent = compose(digest([alert(title) for title in titles]), "tillroll@localhost", ["x@y"])
    return arrived(BytesParser(policy=default).parsebytes(sent.as_bytes()), 1)


def site(*mails: Arrived) -> Any:
    return SimpleNamespace(mail=SimpleNamespace(arrived=list(mails)), webhook=SimpleNamespace(arrived=[]))


def mail(title: str, after_s: float = 1.0) -> Arrived:
    return Arrived(NOW + timedelta(seconds=after_s), (title,), 1, 1)


@pytest.mark.parametrize(
    "titles", [("FAILED a.b for 2025-01-01",), ("FAILED a", "DOWN " + "c" * 90, "RESOLVED DOWN c")]
)
def test_a_mail_tells_of_the_alerts_it_is_about(titles: tuple[str, ...]) -> None:
    assert (told_by(*titles).titles, told_by(*titles).alerts) == (titles, len(titles))


def test_of_a_large_digest_all_are_counted_and_a_hundred_named() -> None:
    large = told_by(*(f"FAILED {number:03}" for number in range(250)))
    assert (large.alerts, len(large.titles)) == (250, LONGEST_LIST + 1)


@pytest.mark.parametrize(
    ("mails", "problem"),
    [
        ([], "0 messages, and not 1"),
        ([mail(KILLED.title)], ""),
        ([mail(KILLED.title), mail(KILLED.title)], "2 messages, and not 1"),
        ([mail(f"RESOLVED {KILLED.title}")], "0 messages, and not 1"),
        ([mail(KILLED.title, LONGEST_WAIT_S + 1)], "it took 121 s, more than 120"),
    ],
)
def test_one_mail_in_time_is_expected(mails: list[Arrived], problem: str) -> None:
    outcome = judge(site(*mails), KILLED, NOW)
    assert outcome.problem == problem
    assert ("FAILED:" in row(outcome)) == bool(problem)


def test_of_what_ended_well_nobody_is_to_hear() -> None:
    assert judge(site(), KILLED, None).problem == ""
    assert judge(site(mail(KILLED.title)), KILLED, None).problem == "1 messages, and not 0"


def test_what_could_not_be_provoked_is_a_problem() -> None:
    assert judge(site(), KILLED, TimeoutError("never")).problem == "TimeoutError: never"


def test_a_mail_that_nobody_expected_is_told() -> None:
    stranger = site(mail(KILLED.title), mail("DOWN Airflow web"))
    assert unexpected(stranger, [KILLED]) == ["DOWN Airflow web"]
    assert "1 mails that nobody expected (DOWN Airflow web)" in table([], ["DOWN Airflow web"], 60.0)
