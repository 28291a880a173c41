"""A digest leads with what came first, names the others, and says how many there are."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from pipeline.alerts.alert import Alert
from pipeline.alerts.digest import LONGEST_LIST, digest

NOW = datetime(2025, 1, 4, tzinfo=UTC)


def alert(number: int) -> Alert:
    error = ("Error", f"error {number}")
    return Alert(
        f"k{number}", f"dag.task{number % 2}", f"FAILED {number}", NOW + timedelta(seconds=number), (), (error,)
    )


def test_one_alert_is_itself() -> None:
    assert digest([alert(1)]) == alert(1)


def test_a_thousand_are_one_that_leads_with_the_first() -> None:
    found = digest([alert(number) for number in reversed(range(1000))])

    assert found.title == "1000 alerts, the first: FAILED 0"
    assert found.facts[:2] == (("Alerts", "1000"), ("About", "dag.task1 (500), dag.task0 (500)"))
    assert found.sections[0] == ("Error", "error 0")
    others = dict(found.sections)["The others, in order"].splitlines()
    assert others[0] == "- 00:00:01 FAILED 1"
    assert others[-2:] == [f"… and {999 - LONGEST_LIST} more:", "    tillroll alerts list"]


def test_a_digest_is_over_when_all_of_it_is() -> None:
    over = [replace(alert(number), is_over=True, follows="d", ends=("d",)) for number in range(2)]

    assert (digest(over).is_over, digest(over).follows, digest(over).ends) == (True, "d", ("d",))
    mixed = digest([*over, alert(3)])
    assert (mixed.is_over, mixed.follows, mixed.ends) == (False, "", ("d",))


def test_the_same_alerts_are_the_same_digest() -> None:
    assert digest([alert(1), alert(2)]).key == digest([alert(2), alert(1)]).key
    assert digest([alert(1), alert(2)]).key != digest([alert(1), alert(3)]).key
