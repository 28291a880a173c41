"""What fails again is one thread until it has succeeded, and marked then; what is acknowledged is not repeated."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipeline.alerts.alert import Alert
from pipeline.alerts.failure import NO_DAY, Failure
from pipeline.alerts.outbox import Entry, Outbox
from pipeline.alerts.routing import Routing
from pipeline.alerts.routing_rules import QuietHours, Rules, SeverityRule
from pipeline.alerts.threads import LONGEST_OPEN, OpenWork, open_work

NOW = datetime(2025, 1, 4, 0, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)
BY_MAIL = Routing.to(["mail"])
FAILURE = Failure(
    "dag", "task", "2025-01-03", "run", 1, "Error", "text", "", "", "", NOW, NOW, "http://x", tags=("tillroll",)
)


@pytest.fixture
def outbox(tmp_path: Path) -> Outbox:
    return Outbox.of(tmp_path)


def fails(outbox: Outbox, hours: int = 0, **other: object) -> Alert:
    """The alert as the outbox has it, of a failure so many hours later."""
    failure = replace(FAILURE, failed_at=NOW + hours * HOUR, attempt=hours + 1, **other)  # type: ignore[arg-type]
    outbox.record(failure.alert(), "callback", BY_MAIL, failure.failed_at)
    return entry(outbox, failure.key).alert


def entry(outbox: Outbox, key: str) -> Entry:
    return next(found for found in outbox.find(key) if found.alert.key == key)


def waiting(outbox: Outbox, now: datetime = NOW) -> list[OpenWork]:
    with outbox.transaction() as connection:
        return list(open_work(connection, now))


def succeeds(outbox: Outbox, hours: int) -> Alert:
    (work,) = waiting(outbox)
    over = work.resolved(NOW + hours * HOUR, "another run")
    outbox.record(over, "recoveries", BY_MAIL, over.raised_at)
    return over


def test_what_fails_again_goes_on_about_the_first_time(outbox: Outbox) -> None:
    first, second, third = fails(outbox), fails(outbox, 1), fails(outbox, 2, run="another run")

    assert first.follows == ""
    assert second.follows == third.follows == first.key
    assert [(w.thread, w.failures, w.failed_at) for w in waiting(outbox)] == [(first.key, 3, third.raised_at)]


@pytest.mark.parametrize("other", [{"day": "2025-01-04"}, {"task": "other"}, {"dag": "other"}])
def test_other_work_is_another_thread(outbox: Outbox, other: dict[str, str]) -> None:
    fails(outbox)

    assert fails(outbox, 1, **other).follows == ""
    assert len(waiting(outbox)) == 2


def test_without_a_day_only_the_same_run_does_the_same_work(outbox: Outbox) -> None:
    first = fails(outbox, day=NO_DAY)

    assert fails(outbox, 1, day=NO_DAY).follows == first.key
    assert fails(outbox, 2, day=NO_DAY, run="another run").follows == ""


def test_its_end_is_said_once_in_the_same_thread_and_marked(outbox: Outbox) -> None:
    first, second = fails(outbox), fails(outbox, 1)

    over = succeeds(outbox, 2)

    assert (over.title, over.follows) == ("RESOLVED dag.task for 2025-01-03", first.key)
    assert (over.severity, over.dag, over.tags) == (first.severity, "dag", ("tillroll",))
    facts = dict(over.facts)
    assert facts["Failed"] == "2025-01-04 00:05:00 UTC, and 1 more until 2025-01-04 01:05:00 UTC"
    assert (facts["Run"], facts["Succeeded"]) == ("another run", "2025-01-04 02:05:00 UTC")
    assert {entry(outbox, alert.key).resolved_at for alert in (first, second, over)} == {over.raised_at}
    assert waiting(outbox) == []
    assert not outbox.record(over, "another sentinel", BY_MAIL)


def test_what_fails_after_it_had_succeeded_is_a_new_thread(outbox: Outbox) -> None:
    first = fails(outbox)
    succeeds(outbox, 1)

    again = fails(outbox, 2)

    assert again.follows == ""
    assert succeeds(outbox, 3).follows == again.key != first.key
    assert len(outbox.entries()) == 4


def test_what_is_acknowledged_is_not_repeated_and_its_end_is_said(outbox: Outbox) -> None:
    first = fails(outbox)
    outbox.acknowledge(first.key)

    again, over = fails(outbox, 1), succeeds(outbox, 2)

    assert entry(outbox, again.key).deliveries == ()
    assert entry(outbox, again.key).acknowledged_at == again.raised_at
    assert [way.channel for way in entry(outbox, over.key).deliveries] == ["mail"]
    assert [found.alert.key for found in outbox.entries(open_only=True)] == [over.key]


def test_what_is_worse_than_what_was_acknowledged_is_heard_of(outbox: Outbox) -> None:
    mild = Routing(("mail",), Rules(severities=(SeverityRule(severity="warning"),)))
    outbox.record(FAILURE.alert(), "callback", mild, NOW)
    outbox.acknowledge(FAILURE.key)

    worse, same = fails(outbox, 1), fails(outbox, 2, run="another run")

    assert [way.channel for way in entry(outbox, worse.key).deliveries] == ["mail"]
    assert [way.channel for way in entry(outbox, same.key).deliveries] == ["mail"]
    outbox.acknowledge(worse.key)
    assert entry(outbox, fails(outbox, 3).key).deliveries == ()


def test_what_nobody_sleeps_through_waits_for_nothing_that_sleeps(outbox: Outbox) -> None:
    asleep = QuietHours.model_validate({"from": "00:00", "to": "06:00"})
    rules = Rules(severities=(SeverityRule(severity="warning"),), quiet_hours=(asleep,))
    outbox.record(FAILURE.alert(), "callback", Routing(("mail",), rules), NOW)
    worse = Routing(("mail",), rules.model_copy(update={"severities": (SeverityRule(severity="critical"),)}))
    again = replace(FAILURE, attempt=2, failed_at=NOW + HOUR)
    outbox.record(again.alert(), "callback", worse, NOW + HOUR)

    claim = outbox.claim(NOW + HOUR)
    assert claim is not None
    assert [alert.key for alert in claim.alerts] == [again.key]
    outbox.delivered(claim, NOW + HOUR)

    (work,) = waiting(outbox)
    over = work.resolved(NOW + 2 * HOUR, "another run")
    outbox.record(over, "recoveries", Routing(("mail",), Rules(quiet_hours=(asleep,))), over.raised_at)
    assert entry(outbox, over.key).alert.severity == "critical"
    woken = outbox.claim(over.raised_at)
    assert woken is not None
    assert [alert.key for alert in woken.alerts] == [over.key]


def test_what_failed_long_ago_is_not_waited_for(outbox: Outbox) -> None:
    fails(outbox)

    assert waiting(outbox, NOW + LONGEST_OPEN - HOUR)
    assert waiting(outbox, NOW + LONGEST_OPEN + HOUR) == []


def test_nobody_hears_of_the_end_before_the_beginning(outbox: Outbox) -> None:
    first = fails(outbox)
    claim = outbox.claim(NOW)
    assert claim is not None
    outbox.failed(claim, "it is away", NOW + 3 * HOUR)

    over = succeeds(outbox, 2)

    assert outbox.claim(NOW + 2 * HOUR) is None
    together = outbox.claim(NOW + 3 * HOUR)
    assert together is not None
    assert [alert.key for alert in together.alerts] == [first.key, over.key]


def test_the_end_of_what_went_in_a_digest_is_said_on_the_digests_thread(outbox: Outbox) -> None:
    fails(outbox)
    claim = outbox.claim(NOW)
    assert claim is not None
    outbox.delivered(claim, NOW, sent_as="the digest")

    succeeds(outbox, 1)

    over = outbox.claim(NOW + HOUR)
    assert over is not None
    assert [alert.follows for alert in over.alerts] == ["the digest"]
