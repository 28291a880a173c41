"""A trouble is heard of once when it has lasted long enough, and once more when it is over."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipeline.alerts.outbox import Outbox
from pipeline.alerts.routing import Routing
from pipeline.alerts.troubles import Trouble, note, topics

NOW = datetime(2025, 1, 4, 0, 5, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
BY_MAIL = Routing.to(["mail"])
DOWN = Trouble("airflow scheduler", "DOWN Airflow scheduler", (("Server", "scheduler"),), patience=MINUTE)
FULL = Trouble("disk", "DISK nearly full")


@pytest.fixture
def outbox(tmp_path: Path) -> Outbox:
    return Outbox.of(tmp_path)


def titles(outbox: Outbox, *troubles: Trouble, at: datetime, watcher: str = "health") -> list[str]:
    return [alert.title for alert in note(outbox, watcher, troubles, BY_MAIL, at)]


def test_a_trouble_is_heard_of_once_it_has_lasted_long_enough(outbox: Outbox) -> None:
    assert titles(outbox, DOWN, at=NOW) == []
    assert titles(outbox, DOWN, at=NOW + MINUTE - timedelta(seconds=1)) == []
    assert titles(outbox, DOWN, at=NOW + MINUTE) == ["DOWN Airflow scheduler"]
    assert titles(outbox, DOWN, at=NOW + 60 * MINUTE) == []

    (entry,) = outbox.entries()
    assert ("Since", "2025-01-04 00:05:00 UTC") in entry.alert.facts


def test_what_may_not_last_at_all_is_heard_of_at_once(outbox: Outbox) -> None:
    assert titles(outbox, FULL, at=NOW) == ["DISK nearly full"]


def test_what_one_look_finds_is_told_of_together_and_at_once(outbox: Outbox) -> None:
    titles(outbox, FULL, Trouble("queued", "STUCK"), at=NOW)

    claim = outbox.claim(NOW)
    assert claim is not None
    assert sorted(alert.title for alert in claim.alerts) == ["DISK nearly full", "STUCK"]


def test_its_end_is_heard_of_in_the_same_thread(outbox: Outbox) -> None:
    titles(outbox, FULL, at=NOW)

    (over,) = note(outbox, "health", [], BY_MAIL, NOW + MINUTE)

    assert (over.title, over.topic) == ("RESOLVED DISK nearly full", "disk")
    assert over.follows == outbox.find(over.follows)[0].alert.key
    assert note(outbox, "health", [], BY_MAIL, NOW + 2 * MINUTE) == []


def test_its_end_is_as_bad_and_about_the_same_dag(outbox: Outbox) -> None:
    stuck = Trouble("queued", "STUCK", severity="warning", dag="gcs_to_bq_staging", tags=("warehouse",))
    (begun,) = note(outbox, "queue", [stuck], BY_MAIL, NOW)
    (over,) = note(outbox, "queue", [], BY_MAIL, NOW + MINUTE)

    assert (begun.severity, begun.dag, begun.tags) == ("warning", "gcs_to_bq_staging", ("warehouse",))
    assert (over.severity, over.dag, over.tags) == (begun.severity, begun.dag, begun.tags)


def test_what_is_over_before_anybody_heard_is_never_heard_of(outbox: Outbox) -> None:
    titles(outbox, DOWN, at=NOW)

    assert titles(outbox, at=NOW + MINUTE) == []
    assert titles(outbox, DOWN, at=NOW + 2 * MINUTE) == []  # its time begins again


def test_what_nobody_watched_has_not_lasted(outbox: Outbox) -> None:
    titles(outbox, DOWN, at=NOW)

    assert titles(outbox, DOWN, at=NOW + 60 * MINUTE) == []  # the servers were stopped, and are being started
    assert titles(outbox, DOWN, at=NOW + 61 * MINUTE) == ["DOWN Airflow scheduler"]


def test_a_trouble_that_comes_back_is_another_alert(outbox: Outbox) -> None:
    first = note(outbox, "health", [FULL], BY_MAIL, NOW)
    note(outbox, "health", [], BY_MAIL, NOW + MINUTE)
    second = note(outbox, "health", [FULL], BY_MAIL, NOW + 2 * MINUTE)

    assert first[0].key != second[0].key


def test_two_of_one_topic_are_one_trouble(outbox: Outbox) -> None:
    assert titles(outbox, FULL, FULL, at=NOW) == ["DISK nearly full"]
    assert topics(outbox, "health") == ["disk"]


def test_a_clock_that_was_ahead_delays_no_alert(outbox: Outbox) -> None:
    titles(outbox, DOWN, at=NOW + timedelta(days=400))

    titles(outbox, DOWN, at=NOW)
    assert titles(outbox, DOWN, at=NOW + MINUTE) == ["DOWN Airflow scheduler"]


def test_what_another_watcher_does_not_see_is_not_over(outbox: Outbox) -> None:
    titles(outbox, FULL, at=NOW, watcher="disk")

    assert titles(outbox, DOWN, at=NOW + MINUTE, watcher="airflow") == []
    assert titles(outbox, FULL, at=NOW + MINUTE, watcher="disk") == []


def test_a_killed_sentinel_goes_on_as_before(outbox: Outbox, tmp_path: Path) -> None:
    titles(outbox, FULL, at=NOW)

    assert titles(Outbox.of(tmp_path), FULL, at=NOW + MINUTE) == []


def rows(count: int) -> Trouble:
    return Trouble("quarantine sale", f"QUARANTINED {count} rows", size=count)


def test_what_has_grown_is_heard_of_again_in_the_same_thread(outbox: Outbox) -> None:
    (first,) = note(outbox, "rows", [rows(3)], BY_MAIL, NOW)

    assert titles(outbox, rows(3), at=NOW + MINUTE, watcher="rows") == []
    assert titles(outbox, rows(2), at=NOW + 2 * MINUTE, watcher="rows") == []
    (grown,) = note(outbox, "rows", [rows(5)], BY_MAIL, NOW + 3 * MINUTE)

    assert (grown.title, grown.follows) == ("QUARANTINED 5 rows", first.key)
    assert ("Before", "2") in grown.facts
    assert [entry.alert.key for entry in outbox.entries()] == [grown.key, first.key]


def test_what_has_grown_is_heard_of_though_the_first_was_acknowledged(outbox: Outbox) -> None:
    (first,) = note(outbox, "rows", [rows(3)], BY_MAIL, NOW)
    outbox.acknowledge(first.key)

    (grown,) = note(outbox, "rows", [rows(5)], BY_MAIL, NOW + 3 * MINUTE)

    (entry,) = outbox.find(grown.key)
    assert (entry.acknowledged_at, [way.channel for way in entry.deliveries]) == (None, ["mail"])


def test_the_end_of_what_grew_worse_is_as_bad_as_the_worst(outbox: Outbox) -> None:
    note(outbox, "audit", [replace(rows(3), severity="warning")], BY_MAIL, NOW)
    note(outbox, "audit", [rows(5)], BY_MAIL, NOW + MINUTE)

    (over,) = note(outbox, "audit", [], BY_MAIL, NOW + 2 * MINUTE)

    assert outbox.find(over.key)[0].alert.severity == "error"


def test_what_shrinks_and_grows_again_is_no_news(outbox: Outbox) -> None:
    for count in (3, 5, 3, 5, 3, 5):
        note(outbox, "rows", [rows(count)], BY_MAIL, NOW)

    assert len(outbox.entries()) == 2


def test_of_the_end_of_news_nobody_hears(outbox: Outbox) -> None:
    for days, news in enumerate([[FULL], [FULL], [], [FULL]]):
        note(outbox, "drift", news, BY_MAIL, NOW + timedelta(days=days), lasting=False)

    assert [entry.recorded_at.day for entry in outbox.entries()] == [7, 4]
