"""Delivery: what is due in the outbox goes out, and what a channel does not take is tried again a little later."""

import logging
import math
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from pipeline.alerts.alert import Alert
from pipeline.alerts.channel_names import MAIL, mail_for
from pipeline.alerts.channels import Channels
from pipeline.alerts.digest import digest
from pipeline.alerts.outbox import CLAIM, Claim, Outbox
from pipeline.alerts.outbox_entries import Delivery
from pipeline.alerts.outbox_tables import NEVER, moment_of
from pipeline.alerts.patience import within
from pipeline.alerts.routing import Routing
from pipeline.alerts.smtp import RecipientsRefusedError, Refusal
from pipeline.errors import StepError, TransientError

logger = logging.getLogger(__name__)

# A mail server that comes back is found within a minute, however long it was away.
FIRST_PAUSE = timedelta(seconds=5)
LONGEST_PAUSE = timedelta(seconds=60)

# A channel has so long for a message: a server that answers a byte at a time is under no other time limit, and would
# keep everything else from being sent. A mail to thirty people, at five seconds for each, and a minute for its text.
SENT_WITHIN_S = 120.0
KEPT_WITHIN_S = 40.0

# What a channel has taken, and the outbox does not know it has, is sent again. In a storm many wait for the file.
_until_kept = retry(
    retry=retry_if_exception_type(StepError), stop=stop_after_delay(KEPT_WITHIN_S), wait=wait_fixed(0.1), reraise=True
)


@dataclass(frozen=True, slots=True)
class Delivered:
    """How many alerts arrived (once for each channel), and what the others died of."""

    arrived: int
    errors: tuple[str, ...]


def deliver(
    outbox: Outbox,
    channels: Channels,
    *,
    key: str | None = None,
    begin_by: float = math.inf,
    lasting: timedelta = CLAIM,
) -> Delivered:
    """Try everything that is due now (of the alert `key`, where given), each once.

    Nothing is begun once `time.monotonic()` says `begin_by`: what is cut off is nobody else's to try while its claim is
    `lasting`.

    Raises:
        StepError: the outbox cannot be used.
    """
    arrived, errors = 0, []
    began = datetime.now(UTC)
    while time.monotonic() < begin_by and (claim := outbox.claim(key=key, due_by=began, lasting=lasting)):
        took, said = _attempt(outbox, channels, claim)
        arrived += len(claim.alerts) if took else 0
        errors += said
    return Delivered(arrived, tuple(errors))


def send_unkept(alert: Alert, routing: Routing, channels: Channels) -> None:
    """Send an alert that cannot be kept: each of its ways is tried once, and no hours are quiet for it.

    Raises:
        TillrollError: nobody has taken it.
    """
    judged, errors = routing.judged(alert), []
    ways = routing.ways(judged)
    for way in ways:
        try:
            channels[way.channel].send(judged)
        except Exception as error:  # noqa: BLE001 - one channel's trouble must not keep another from its alert
            errors.append(channels.masked(str(error)))
            logger.warning("%s does not take %r: %s", way.channel, alert.title, errors[-1])
    if len(errors) == len(ways):
        raise TransientError(f"nobody has taken it: {'; '.join(errors)}")


def _attempt(outbox: Outbox, channels: Channels, claim: Claim) -> tuple[bool, list[str]]:
    """Whether the channel has taken it, and what went wrong."""
    alert, now = digest(claim.alerts), datetime.now(UTC)
    try:
        refusals = within(SENT_WITHIN_S, lambda: channels[claim.channel].send(alert))
    except Exception as error:  # noqa: BLE001 - one channel's trouble must not keep another from its alert
        reason = channels.masked(str(error) or type(error).__name__)
        logger.warning("%s does not take %r: %s", claim.channel, alert.title, reason)
        if isinstance(error, RecipientsRefusedError) and claim.channel != MAIL:
            outbox.refused(claim, reason, instead=Delivery(MAIL, 0, now, None, ""))
        else:
            outbox.failed(claim, reason, datetime.now(UTC) + pause(claim.tries))
        return False, [reason]
    refusals = [Refusal(one.recipient, channels.masked(one.answer), one.for_good) for one in refusals]
    for refusal in refusals:
        logger.error("nobody took %r for %s: %s", alert.title, refusal.recipient, refusal.answer)
    logger.info("%s took %r", claim.channel, alert.title)
    left = [_left(refusal, now) for refusal in refusals]
    _until_kept(outbox.delivered)(claim, left=left, sent_as=alert.key)
    return True, [f"{refusal.recipient}: {refusal.answer}" for refusal in refusals]


def _left(refusal: Refusal, now: datetime) -> Delivery:
    """The way of its own that one recipient has whom the server refused: for good by SMTP's 5xx, or for now by 4xx."""
    next_try = moment_of(NEVER) if refusal.for_good else now + pause(1)
    return Delivery(mail_for([refusal.recipient]), 1, next_try, None, refusal.answer)


def pause(tries: int) -> timedelta:
    """How long to wait after so many tries: 5, 10, 20, 40 and then 60 seconds."""
    doublings: int = 2 ** min(tries - 1, 10)
    return min(FIRST_PAUSE * doublings, LONGEST_PAUSE)
