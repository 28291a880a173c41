"""What waits in the outbox: alerts that somebody should have by now, and has not."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from pipeline.alerts.outbox import Outbox
from pipeline.alerts.outbox_tables import ALERTS, DELIVERIES, NEVER, moment_of


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many alerts have not arrived on every channel of theirs, and since when the oldest waits."""

    alerts: int
    since: datetime | None


def waiting(outbox: Outbox) -> Waiting:
    """What has not arrived yet, whether or not it is due; not what was refused for good. Raises StepError."""
    query = select(func.count(ALERTS.c.key.distinct()), func.min(ALERTS.c.recorded_at))
    query = query.join_from(DELIVERIES, ALERTS).where(
        DELIVERIES.c.delivered_at.is_(None), DELIVERIES.c.next_try_at != NEVER
    )
    with outbox.transaction() as connection:
        found = connection.execute(query).one()
    return Waiting(found[0], found[1] and moment_of(found[1]))
