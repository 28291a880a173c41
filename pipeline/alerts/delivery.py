"""Delivery: what is due in the outbox goes out, and what a channel does not take is tried again a little later."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pipeline.alerts.channels import Channel
from pipeline.alerts.digest import digest
from pipeline.alerts.masking import mask
from pipeline.alerts.outbox import Outbox
from pipeline.errors import TillrollError

logger = logging.getLogger(__name__)

# A mail server that comes back is found within a minute, however long it was away.
FIRST_PAUSE = timedelta(seconds=5)
LONGEST_PAUSE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Delivered:
    """How many alerts arrived (once for each channel), and what the others died of."""

    arrived: int
    errors: tuple[str, ...]


def deliver(outbox: Outbox, channels: Mapping[str, Channel], *, key: str | None = None) -> Delivered:
    """Try everything that is due now (of the alert `key`, where given), each once.

    Raises:
        StepError: the outbox cannot be used.
    """
    arrived, errors = 0, []
    began = datetime.now(UTC)
    while claim := outbox.claim(key=key, due_by=began):
        alert = digest(claim.alerts)
        try:
            _channel(channels, claim.channel).send(alert)
        except Exception as error:  # noqa: BLE001 - one channel's trouble must not keep another from its alert
            reason = mask(str(error) or type(error).__name__)
            logger.warning("%s does not take %r: %s", claim.channel, alert.title, reason)
            outbox.failed(claim, reason, datetime.now(UTC) + pause(claim.tries))
            errors.append(reason)
        else:
            logger.info("%s took %r", claim.channel, alert.title)
            outbox.delivered(claim)
            arrived += len(claim.alerts)
    return Delivered(arrived, tuple(errors))


def pause(tries: int) -> timedelta:
    """How long to wait after so many tries: 5, 10, 20, 40 and then 60 seconds."""
    doublings: int = 2 ** min(tries - 1, 10)
    return min(FIRST_PAUSE * doublings, LONGEST_PAUSE)


def _channel(channels: Mapping[str, Channel], name: str) -> Channel:
    if name not in channels:
        raise TillrollError(f"there is no channel {name!r} any more", "Name it in the settings again.")
    return channels[name]
