"""What the outbox holds, for people to look at: each alert, and how far it came on each of its ways."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Row

from pipeline.alerts.alert import Alert
from pipeline.alerts.outbox_tables import NEVER, moment_of

# Alerts that come together are sent together.
WINDOW = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Delivery:
    """An alert's way to one channel. Undelivered ones are tried from `next_try_at` on; `error` is of the last try."""

    channel: str
    tries: int
    next_try_at: datetime
    delivered_at: datetime | None
    error: str

    @property
    def waits(self) -> bool:
        """Whether it waits for the end of quiet hours, untried."""
        return not self.delivered_at and not self.tries and self.next_try_at > datetime.now(UTC) + WINDOW

    @property
    def refused(self) -> bool:
        """Whether it was refused for good: it is not tried again unless somebody asks for it."""
        return self.next_try_at == moment_of(NEVER)


@dataclass(frozen=True, slots=True)
class Entry:
    """An alert in the outbox. `recorded_by` says who found it: a callback, a listener, the sentinel, a person.

    `resolved_at` is when what it is about was over.
    """

    alert: Alert
    recorded_at: datetime
    recorded_by: str
    acknowledged_at: datetime | None
    resolved_at: datetime | None
    deliveries: tuple[Delivery, ...]

    @property
    def delivered(self) -> bool:
        return all(delivery.delivered_at for delivery in self.deliveries)


def entry_of(alert: Row[Any], deliveries: Iterable[Row[Any]]) -> Entry:
    """The entry that these rows are."""
    return Entry(
        alert=Alert.from_json(alert.content),
        recorded_at=moment_of(alert.recorded_at),
        recorded_by=alert.recorded_by,
        acknowledged_at=alert.acknowledged_at and moment_of(alert.acknowledged_at),
        resolved_at=alert.resolved_at and moment_of(alert.resolved_at),
        deliveries=tuple(_delivery(row) for row in deliveries),
    )


def _delivery(row: Row[Any]) -> Delivery:
    done = row.delivered_at and moment_of(row.delivered_at)
    return Delivery(row.channel, row.tries, moment_of(row.next_try_at), done, row.error)
