"""Delivery to a real mail server that refuses people, and in quiet hours: each hears of it once, or it is said."""

import logging
import threading
import time
from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from mail_catcher import MailCatcher, catching_mail
from pydantic import SecretStr

from pipeline.alerts import delivery, sentinel
from pipeline.alerts.alert import Alert
from pipeline.alerts.channels import Channels, Mail, channels_of
from pipeline.alerts.delivery import deliver
from pipeline.alerts.liveness import SILENT_S
from pipeline.alerts.outbox import CLAIM, Outbox
from pipeline.alerts.outbox_entries import WINDOW, Delivery
from pipeline.alerts.routing import Routing
from pipeline.alerts.routing_file import load_routing
from pipeline.alerts.smtp import Refusal
from pipeline.alerts.troubles import Trouble, note
from pipeline.settings import Settings

ANNA, BOB, OPS = "anna@example.org", "bob@example.org", "ops@example.org"
LONG_AGO = datetime(2025, 1, 8, 12, tzinfo=UTC)
TO_BOTH = f"routes: [{{name: both, to: [{ANNA}, {BOB}]}}]"


def alert(key: str = "a1") -> Alert:
    return Alert(key, "dag.task", f"FAILED {key}", LONG_AGO, (), (("Error", "text"),))


@pytest.fixture
def mail() -> Iterator[MailCatcher]:
    with catching_mail() as catcher:
        yield catcher


@pytest.fixture
def outbox(tmp_path: Path) -> Outbox:
    return Outbox.of(tmp_path)


def settings(folder: Path, mail: MailCatcher, rules: str = "") -> Settings:
    file = folder / "alerts.yml"
    file.write_text(rules)
    return Settings(_env_file=None, data_dir=folder, smtp_url=SecretStr(mail.url), alert_to=(OPS,), alerts=file)


def routed(settings: Settings) -> tuple[Routing, Channels]:
    channels = channels_of(settings)
    return load_routing(settings, channels), channels


def ways(outbox: Outbox) -> dict[str, Delivery]:
    return {way.channel: way for way in outbox.entries()[0].deliveries}


def test_each_route_is_a_mail_of_its_own(outbox: Outbox, mail: MailCatcher, tmp_path: Path) -> None:
    rules = f"routes: [{{name: anna, to: {ANNA}, also: true}}, {{name: bob, to: [{BOB}, {ANNA}], also: true}}]"
    routing, channels = routed(settings(tmp_path, mail, rules))
    outbox.record(alert(), "callback", routing)

    assert deliver(outbox, channels).errors == ()
    assert sorted(mail.reached) == [ANNA, BOB, OPS]
    assert sorted(message["To"] for message in mail.messages) == [ANNA, BOB, OPS]


def test_where_the_rules_change_later_it_goes_where_it_was_meant_to(
    outbox: Outbox, mail: MailCatcher, tmp_path: Path
) -> None:
    outbox.record(alert(), "callback", routed(settings(tmp_path, mail, TO_BOTH))[0])

    deliver(outbox, routed(settings(tmp_path, mail))[1])

    assert mail.reached == [ANNA, BOB]


def test_one_who_is_refused_for_good_keeps_nobody_else_from_it(
    outbox: Outbox, mail: MailCatcher, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    mail.refused[BOB] = "550 5.1.1 no such user"
    routing, channels = routed(settings(tmp_path, mail, TO_BOTH))
    outbox.record(alert(), "callback", routing)

    assert deliver(outbox, channels).errors == (f"{BOB}: 550 5.1.1 no such user",)
    assert deliver(outbox, channels).errors == ()  # it is not tried again
    assert mail.reached == [ANNA]
    assert ways(outbox)[f"mail:{ANNA},{BOB}"].delivered_at
    assert ways(outbox)[f"mail:{BOB}"].refused
    assert "no such user" in ways(outbox)[f"mail:{BOB}"].error
    assert f"for {BOB}: 550" in caplog.text

    mail.refused.clear()
    assert outbox.hurry() == 1  # unless somebody asks
    deliver(outbox, channels)
    assert mail.reached == [ANNA, BOB]
    assert outbox.entries()[0].delivered


def test_one_who_is_refused_for_now_gets_it_later(
    outbox: Outbox, mail: MailCatcher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "FIRST_PAUSE", timedelta())
    mail.refused[BOB] = "451 4.7.1 greylisted"
    outbox.record(alert("a1"), "callback", Routing.to(["mail"]), LONG_AGO)
    outbox.record(alert("b2"), "callback", Routing.to(["mail"]), LONG_AGO)  # within the minute: one digest
    to_both = settings(tmp_path, mail).model_copy(update={"alert_to": (ANNA, BOB)})
    channels = channels_of(to_both)

    assert deliver(outbox, channels).arrived == 2
    assert len(deliver(outbox, channels).errors) == 1
    mail.refused.clear()
    assert deliver(outbox, channels).arrived == 2
    assert deliver(outbox, channels).arrived == 0

    assert mail.reached == [ANNA, BOB]
    assert mail.messages[0]["Message-ID"] == mail.messages[1]["Message-ID"]
    assert [entry.delivered for entry in outbox.entries()] == [True, True]


def test_an_alert_that_all_of_a_route_are_refused_goes_to_everybody_else(
    outbox: Outbox, mail: MailCatcher, tmp_path: Path
) -> None:
    mail.refused |= {ANNA: "550 gone", BOB: "550 gone"}
    routing, channels = routed(settings(tmp_path, mail, TO_BOTH))
    outbox.record(alert(), "callback", routing)

    deliver(outbox, channels)
    assert deliver(outbox, channels).arrived == 1

    assert mail.reached == [OPS]
    assert ways(outbox)[f"mail:{ANNA},{BOB}"].refused
    assert ways(outbox)["mail"].delivered_at


def test_whom_everybody_is_refused_is_tried_again(outbox: Outbox, mail: MailCatcher, tmp_path: Path) -> None:
    mail.refused[OPS] = "550 gone"
    routing, channels = routed(settings(tmp_path, mail))
    outbox.record(alert(), "callback", routing)

    assert "550 gone" in deliver(outbox, channels).errors[0]

    assert not ways(outbox)["mail"].refused
    mail.refused.clear()
    outbox.hurry()
    assert deliver(outbox, channels).arrived == 1


def quiet_now() -> str:
    """Rules with hours that are quiet now, and for more than an hour."""
    now = datetime.now(UTC)
    begin, end = now - timedelta(hours=2), now + timedelta(hours=2)
    return f"quiet_hours: [{{from: '{begin:%H}:00', to: '{end:%H}:00'}}]"


def test_what_waits_in_quiet_hours_is_one_mail_when_they_end(outbox: Outbox, mail: MailCatcher, tmp_path: Path) -> None:
    routing, channels = routed(settings(tmp_path, mail, quiet_now()))
    now = datetime.now(UTC)
    down = Trouble("server web", "DOWN web", severity="critical")
    stuck = Trouble("queued", "STUCK", severity="warning")
    for number in range(3):
        outbox.record(alert(f"a{number}"), "callback", routing, now - 2 * WINDOW + number * WINDOW / 2)
    note(outbox, "queue", [stuck], routing, now - WINDOW / 2)
    note(outbox, "queue", [], routing, now - WINDOW / 4)
    note(outbox, "web", [down], routing, now)

    assert deliver(outbox, channels).arrived == 1
    assert [message["Subject"] for message in mail.messages] == ["[Tillroll] DOWN web"]
    waiting = [entry.deliveries[0] for entry in outbox.entries() if not entry.delivered]
    assert len(waiting) == 5
    assert all(way.waits for way in waiting)
    (end,) = {way.next_try_at for way in waiting}
    assert outbox.claim(end - timedelta(seconds=1)) is None

    claim = outbox.claim(end)
    assert claim is not None
    assert sorted(found.title for found in claim.alerts) == [
        "FAILED a0", "FAILED a1", "FAILED a2", "RESOLVED STUCK", "STUCK",
    ]  # fmt: skip
    outbox.delivered(claim, end)
    assert outbox.claim(end + timedelta(hours=12)) is None


def test_what_waits_can_be_sent_by_hand(outbox: Outbox, mail: MailCatcher, tmp_path: Path) -> None:
    routing, channels = routed(settings(tmp_path, mail, quiet_now()))
    outbox.record(alert(), "callback", routing)
    assert deliver(outbox, channels).arrived == 0

    assert outbox.hurry() == 1
    assert deliver(outbox, channels).arrived == 1


def test_quiet_hours_of_a_clock_that_was_ahead_keep_nothing_back(
    outbox: Outbox, mail: MailCatcher, tmp_path: Path
) -> None:
    routing, channels = routed(settings(tmp_path, mail, quiet_now()))
    outbox.record(alert(), "callback", routing, datetime.now(UTC) + timedelta(days=30))

    assert deliver(outbox, channels).arrived == 1


def test_an_alert_that_cannot_be_kept_goes_where_it_is_routed_to(
    mail: MailCatcher, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    mail.refused[ANNA] = "550 gone"
    rules = f"routes: [{{name: anna, to: {ANNA}, also: true}}, {{name: bob, to: {BOB}}}]"
    routing, channels = routed(settings(tmp_path, mail, rules))

    delivery.send_unkept(alert(), routing, channels)

    assert mail.reached == [BOB]
    assert "550 gone" in caplog.text


class MailThatTakesLong(Mail):
    """While it is sent, somebody locks the outbox, for a second more."""

    def send(self, alert: Alert) -> Collection[Refusal]:
        locked = threading.Event()
        threading.Thread(target=_hold, args=[Outbox.of(self.settings.data), locked]).start()
        assert locked.wait(10)
        return Mail.send(self, alert)


def _hold(outbox: Outbox, locked: threading.Event) -> None:
    with outbox.transaction():
        locked.set()
        time.sleep(1)


class MailThatHangs(Mail):
    """It comes to no end for as long as anybody waits."""

    def send(self, alert: Alert) -> Collection[Refusal]:
        time.sleep(5)
        return ()


def test_a_channel_that_hangs_is_cut_off_and_keeps_no_other_from_its_alert(
    mail: MailCatcher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "SENT_WITHIN_S", 0.5)
    ours, outbox = settings(tmp_path, mail), Outbox.of(tmp_path)
    outbox.record(alert(), "callback", Routing.to([f"mail:{ANNA}", "mail"]))

    delivered = deliver(outbox, Channels(ours, [MailThatHangs(ours, f"mail:{ANNA}"), Mail(ours)]))

    assert delivered.errors == ("no answer within 0 s",)
    assert mail.reached == [OPS]


def test_what_is_claimed_is_claimed_for_as_long_as_sending_may_take() -> None:
    assert CLAIM.total_seconds() > delivery.SENT_WITHIN_S + delivery.KEPT_WITHIN_S
    assert sentinel.SENDING_S + delivery.SENT_WITHIN_S + delivery.KEPT_WITHIN_S < SILENT_S


def test_what_was_taken_while_others_had_the_outbox_is_not_sent_again(mail: MailCatcher, tmp_path: Path) -> None:
    ours = settings(tmp_path, mail)
    outbox = Outbox.of(tmp_path, busy_s=0)
    outbox.record(alert(), "callback", Routing.to(["mail"]))

    assert deliver(outbox, Channels(ours, [MailThatTakesLong(ours)])).arrived == 1

    assert outbox.entries()[0].delivered
