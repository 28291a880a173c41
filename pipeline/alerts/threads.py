"""Threads: the alerts that go on about one thing, from the first to the one that says that it is over.

Work that fails again, whoever tried it again, goes on the thread of its first failure, for as long as it has not
succeeded. What somebody has acknowledged is not repeated; what is worse, and that it is over, is said.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby

from sqlalchemy import ColumnElement, Connection, func, or_, select, update

from pipeline.alerts.alert import Alert, Work, worst, written
from pipeline.alerts.outbox_tables import ALERTS, DELIVERIES, NEVER, stored

# Work that has not succeeded for so long is not waited for any more.
LONGEST_OPEN = timedelta(days=30)
_SHOWN = {"DAG", "Task", "Day"}


@dataclass(frozen=True, slots=True)
class OpenWork:
    """Work that has failed and not succeeded since: the first alert about it, when it failed last, and how often.

    `thread` is the key of the first alert, which is too long ago where it is not `first`.
    """

    work: Work
    thread: str
    first: Alert
    failed_at: datetime
    failures: int

    def resolved(self, at: datetime, run: str) -> Alert:
        """What people hear when it has succeeded: as bad as it was, and about the same DAG, so that the same do."""
        failed = written(self.first.raised_at)
        if self.failures > 1:
            failed += f", and {self.failures - 1} more until {written(self.failed_at)}"
        return replace(
            self.first,
            key=f"{self.thread}-over",
            title=f"RESOLVED {self.first.title.removeprefix('FAILED ')}",
            raised_at=at,
            facts=(
                *(fact for fact in self.first.facts if fact[0] in _SHOWN),
                ("Run", run),
                ("Failed", failed),
                ("Succeeded", written(at)),
            ),
            sections=(("What to do", "Nothing: it has succeeded."),),
            follows=self.thread,
            is_over=True,
            work=None,
        )


def threaded(connection: Connection, alert: Alert) -> Alert:
    """The alert on its thread: on that of work which has failed before, and not succeeded since.

    That something is over is as bad as the worst that was heard of it: whoever was woken hears that they may sleep.
    """
    if alert.is_over:
        return replace(alert, severity=worst([alert, *_alerts_of(connection, alert.follows)]))
    if alert.work is None:
        return alert
    query = select(ALERTS.c.key).where(ALERTS.c.work == alert.work.name, ALERTS.c.resolved_at.is_(None))
    first = connection.execute(query.order_by(ALERTS.c.recorded_at, ALERTS.c.key).limit(1)).scalar()
    return replace(alert, follows=first) if first else alert


def is_acknowledged(connection: Connection, alert: Alert) -> bool:
    """Whether it only repeats what somebody has acknowledged: the same work failed again, and is no worse.

    What has grown, which is about no work, repeats nothing.
    """
    if not alert.follows or alert.is_over or alert.work is None:
        return False
    known = _alerts_of(connection, alert.follows, ALERTS.c.acknowledged_at.is_not(None))
    return any(one.is_as_bad_as(alert.severity) for one in known)


def resolve(connection: Connection, alert: Alert) -> None:
    """Mark what this alert says the end of."""
    if alert.is_over:
        moment = {"resolved_at": stored(alert.raised_at)}
        connection.execute(update(ALERTS).where(_of_thread(alert.follows)).values(moment))


def before_waits_until(connection: Connection, alert: Alert, channel: str, latest: datetime | None) -> datetime | None:
    """When the alerts that this one goes on about have all been tried once more: it does not arrive before them.

    What waits, untried, until after `latest`, where given, is not waited for: hours are quiet for it alone.
    """
    if not alert.follows:
        return None
    query = select(func.max(DELIVERIES.c.next_try_at)).join_from(DELIVERIES, ALERTS).where(_of_thread(alert.follows))
    waiting = query.where(
        DELIVERIES.c.channel == channel, DELIVERIES.c.delivered_at.is_(None), DELIVERIES.c.next_try_at != NEVER
    )
    if latest:
        waiting = waiting.where(or_(DELIVERIES.c.tries > 0, DELIVERIES.c.next_try_at <= latest))
    found: datetime | None = connection.execute(waiting).scalar()
    return found


def as_sent(connection: Connection, alert: Alert, channel: str) -> Alert:
    """The alert as it goes on about what was sent there: a digest, where the first alert went as a part of one.

    What says the end `ends` the messages of its thread there of which no other alert lasts.
    """
    if not alert.follows:
        return alert
    ends = tuple(_ended(connection, alert.follows, channel)) if alert.is_over else ()
    query = select(DELIVERIES.c.sent_as).where(DELIVERIES.c.key == alert.follows, DELIVERIES.c.channel == channel)
    return replace(alert, follows=connection.execute(query).scalar() or alert.follows, ends=ends)


def _ended(connection: Connection, thread: str, channel: str) -> Iterator[str]:
    there = select(DELIVERIES.c.sent_as).join_from(DELIVERIES, ALERTS)
    there = there.where(DELIVERIES.c.channel == channel, DELIVERIES.c.sent_as.is_not(None))
    lasting = there.where(ALERTS.c.resolved_at.is_(None))
    query = there.where(_of_thread(thread), DELIVERIES.c.sent_as.not_in(lasting)).distinct()
    yield from connection.execute(query.order_by(DELIVERIES.c.sent_as)).scalars()


def open_work(connection: Connection, now: datetime) -> Iterator[OpenWork]:
    """All work that has failed within the last month, and not succeeded since."""
    query = select(ALERTS.c.thread, ALERTS.c.content).where(
        ALERTS.c.work.is_not(None), ALERTS.c.resolved_at.is_(None), ALERTS.c.recorded_at > stored(now - LONGEST_OPEN)
    )
    rows = connection.execute(query.order_by(ALERTS.c.thread, ALERTS.c.recorded_at)).all()
    for thread, same in groupby(rows, lambda row: row.thread):
        alerts = [Alert.from_json(row.content) for row in same]
        if (work := alerts[0].work) is not None:
            yield OpenWork(work, thread, alerts[0], max(alert.raised_at for alert in alerts), len(alerts))


def _alerts_of(connection: Connection, thread: str, *which: ColumnElement[bool]) -> Iterator[Alert]:
    kept = connection.execute(select(ALERTS.c.content).where(_of_thread(thread), *which))
    return (Alert.from_json(row.content) for row in kept)


def _of_thread(first: str) -> ColumnElement[bool]:
    return or_(ALERTS.c.key == first, ALERTS.c.thread == first)
