"""The outbox: an alert is kept once, each delivery is one sender's at a time, and what nobody took stays due."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipeline.alerts.alert import Alert
from pipeline.alerts.delivery import pause
from pipeline.alerts.outbox import CLAIM, FILE, Claim, Outbox
from pipeline.alerts.outbox_entries import WINDOW
from pipeline.alerts.routing import Routing
from pipeline.errors import StepError

NOW = datetime(2025, 1, 4, 0, 5, tzinfo=UTC)
CHANNELS = ("mail", "pager")
EVERYWHERE, BY_MAIL, NOWHERE = Routing.to(CHANNELS), Routing.to(["mail"]), Routing.to([])


def alert(key: str = "a1") -> Alert:
    facts, sections = (("DAG", "dag"),), (("Error", "line 1\nline 2"),)
    return Alert(key, "dag.task", f"FAILED {key}: Ünïcode", NOW, facts, sections)


def claimed(outbox: Outbox, now: datetime) -> Claim:
    claim = outbox.claim(now)
    assert claim is not None
    return claim


@pytest.fixture
def outbox(tmp_path: Path) -> Outbox:
    return Outbox.of(tmp_path)


def test_an_alert_is_kept_as_it_was(outbox: Outbox) -> None:
    kept = replace(alert(), severity="critical", dag="dag", tags=("a", "b"))
    assert outbox.record(kept, "callback", EVERYWHERE, NOW)

    (entry,) = outbox.entries()
    assert entry.alert == kept
    assert (entry.recorded_at, entry.recorded_by, entry.acknowledged_at) == (NOW, "callback", None)
    assert [(way.channel, way.tries, way.delivered_at) for way in entry.deliveries] == [
        ("mail", 0, None),
        ("pager", 0, None),
    ]


def test_an_alert_of_long_ago_is_read() -> None:
    """As 0.1.0 kept it, when alerts had no severity and no DAG."""
    kept = json.loads(alert().to_json())
    for later in ("severity", "dag", "tags"):
        del kept[later]

    assert Alert.from_json(json.dumps(kept)) == alert()


def test_what_is_reported_twice_is_one_alert(outbox: Outbox, tmp_path: Path) -> None:
    def report(by: str) -> bool:
        return Outbox.of(tmp_path).record(alert(), by, EVERYWHERE)

    with ThreadPoolExecutor(8) as pool:
        kept = list(pool.map(report, (f"reporter {n}" for n in range(24))))

    assert kept.count(True) == 1
    assert len(outbox.entries()) == 1


def test_a_delivery_is_one_senders_until_its_claim_ends(outbox: Outbox) -> None:
    outbox.record(alert(), "callback", BY_MAIL, NOW)

    assert outbox.claim(NOW) == Claim("mail", 1, (alert(),))
    assert outbox.claim(NOW + CLAIM - timedelta(seconds=1)) is None
    assert outbox.claim(NOW + CLAIM) == Claim("mail", 2, (alert(),))


def test_every_delivery_is_claimed_once_however_many_senders_there_are(outbox: Outbox, tmp_path: Path) -> None:
    for number in range(20):
        outbox.record(alert(f"a{number}"), "callback", EVERYWHERE, NOW)

    def send_all(_: int) -> list[tuple[str, str]]:
        own = Outbox.of(tmp_path)
        claims = iter(lambda: own.claim(NOW + WINDOW), None)
        return [(found.key, claim.channel) for claim in claims for found in claim.alerts]

    with ThreadPoolExecutor(4) as pool:
        claimed = [one for some in pool.map(send_all, range(4)) for one in some]

    assert sorted(claimed) == sorted((f"a{n}", channel) for n in range(20) for channel in CHANNELS)


def test_what_is_delivered_is_not_due_any_more(outbox: Outbox) -> None:
    outbox.record(alert(), "callback", BY_MAIL, NOW)
    outbox.delivered(claimed(outbox, NOW), NOW)

    assert outbox.claim(NOW + timedelta(days=1)) is None
    assert outbox.entries()[0].delivered


def test_what_a_channel_does_not_take_is_due_again_later(outbox: Outbox) -> None:
    outbox.record(alert(), "callback", EVERYWHERE, NOW)
    later = NOW + timedelta(minutes=1)
    outbox.failed(claimed(outbox, NOW), "it hung up", later)

    pager = claimed(outbox, NOW)
    assert pager.channel == "pager"
    assert outbox.claim(NOW) is None
    outbox.delivered(pager)
    assert claimed(outbox, later).channel == "mail"
    assert [way.error for way in outbox.entries()[0].deliveries] == ["it hung up", ""]


def test_one_alerts_deliveries_can_be_asked_for(outbox: Outbox) -> None:
    outbox.record(alert("a1"), "callback", BY_MAIL, NOW)
    outbox.record(alert("b2"), "callback", BY_MAIL, NOW + WINDOW)

    assert outbox.claim(NOW + WINDOW, "b2") == Claim("mail", 1, (alert("b2"),))
    assert outbox.claim(NOW + WINDOW, "b2") is None


def test_the_first_alert_goes_at_once_and_those_of_its_minute_together(outbox: Outbox) -> None:
    second = timedelta(seconds=1)
    outbox.record(alert("a"), "callback", BY_MAIL, NOW)
    assert [found.key for found in claimed(outbox, NOW).alerts] == ["a"]
    for number, key in enumerate("bcd", 1):
        outbox.record(alert(key), "callback", BY_MAIL, NOW + number * 15 * second)

    assert outbox.claim(NOW + WINDOW - second) is None
    outbox.delivered(Claim("mail", 1, (alert("a"),)))
    others = claimed(outbox, NOW + WINDOW)
    assert [found.key for found in others.alerts] == ["b", "c", "d"]

    outbox.delivered(others)
    outbox.record(alert("e"), "callback", BY_MAIL, NOW + 3 * WINDOW)
    assert [found.key for found in claimed(outbox, NOW + 3 * WINDOW).alerts] == ["e"]


def test_a_storm_that_lasts_is_a_message_a_minute(outbox: Outbox) -> None:
    sent = []
    for second in range(300):
        now = NOW + timedelta(seconds=second)
        outbox.record(alert(f"a{second:03}"), "callback", BY_MAIL, now)
        if claim := outbox.claim(now):
            outbox.delivered(claim, now)
            sent.append(len(claim.alerts))

    assert sent == [1, 59, 60, 60, 60]


def test_what_comes_while_another_is_being_sent_or_was_refused_waits_with_its_like(outbox: Outbox) -> None:
    outbox.record(alert("a"), "callback", BY_MAIL, NOW)
    being_sent = claimed(outbox, NOW)
    outbox.record(alert("b"), "callback", BY_MAIL, NOW + timedelta(seconds=1))
    outbox.failed(being_sent, "away", NOW + timedelta(seconds=5))
    outbox.record(alert("c"), "callback", BY_MAIL, NOW + timedelta(seconds=2))

    assert [found.key for found in claimed(outbox, NOW + timedelta(seconds=5)).alerts] == ["a"]
    assert outbox.claim(NOW + WINDOW - timedelta(seconds=1)) is None
    assert [found.key for found in claimed(outbox, NOW + WINDOW).alerts] == ["b", "c"]


def test_what_waits_can_be_hurried(outbox: Outbox) -> None:
    outbox.record(alert(), "callback", EVERYWHERE, NOW)
    outbox.failed(claimed(outbox, NOW), "no", datetime.now(UTC) + timedelta(minutes=30))
    outbox.delivered(claimed(outbox, NOW))

    assert outbox.claim() is None
    assert outbox.hurry() == 1
    assert outbox.claim() is not None


def test_what_somebody_is_just_sending_is_not_hurried(outbox: Outbox) -> None:
    outbox.record(alert(), "callback", BY_MAIL)
    assert outbox.claim() is not None

    assert outbox.hurry() == 0
    assert outbox.claim() is None


def test_what_a_killed_sender_tried_goes_out_again_as_it_was(outbox: Outbox) -> None:
    outbox.record(alert("a"), "callback", BY_MAIL, NOW)
    first = claimed(outbox, NOW)
    outbox.record(alert("b"), "callback", BY_MAIL, NOW + timedelta(seconds=10))

    assert claimed(outbox, NOW + CLAIM).alerts == first.alerts
    assert [found.key for found in claimed(outbox, NOW + CLAIM).alerts] == ["b"]


def test_a_clock_that_was_ahead_keeps_nothing_back(outbox: Outbox) -> None:
    outbox.record(alert("a"), "callback", BY_MAIL, NOW + timedelta(days=400))
    outbox.record(alert("b"), "callback", BY_MAIL, NOW)

    assert [found.key for found in claimed(outbox, NOW).alerts] == ["b", "a"]


def test_what_somebody_takes_care_of_is_listed_no_more(outbox: Outbox) -> None:
    outbox.record(alert("a1"), "callback", NOWHERE, NOW)
    outbox.record(alert("b2"), "callback", NOWHERE, NOW + timedelta(seconds=1))

    assert outbox.acknowledge("a1")
    assert not outbox.acknowledge("a")
    assert [entry.alert.key for entry in outbox.entries(open_only=True)] == ["b2"]
    assert [entry.alert.key for entry in outbox.entries()] == ["b2", "a1"]


def test_an_alert_is_found_by_the_beginning_of_its_key(outbox: Outbox) -> None:
    for key in ("ab1", "ab2", "a%"):
        outbox.record(alert(key), "callback", NOWHERE)

    assert [len(outbox.find(beginning)) for beginning in ("ab", "ab1", "a%", "c")] == [2, 1, 1, 0]


def test_a_file_that_is_no_outbox_is_named(tmp_path: Path) -> None:
    (tmp_path / "alerts").mkdir()
    (tmp_path / "alerts" / FILE).write_text("not a database, and long enough to be taken for one" * 30)

    with pytest.raises(StepError, match=FILE):
        Outbox.of(tmp_path)


def test_a_folder_that_cannot_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "alerts").write_text("a file")

    with pytest.raises(StepError, match="alerts"):
        Outbox.of(tmp_path)


def test_pauses_grow_to_a_minute() -> None:
    assert [pause(tries).total_seconds() for tries in (1, 2, 3, 4, 5, 6, 1000)] == [5, 10, 20, 40, 60, 60, 60]
