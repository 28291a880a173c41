"""Keep an alert: once, however often it is reported, with its ways to people and when each is first tried."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, case, func, insert, select

from pipeline.alerts.alert import Alert
from pipeline.alerts.outbox_entries import WINDOW, Delivery
from pipeline.alerts.outbox_tables import ALERTS, DELIVERIES, stored
from pipeline.alerts.routing import Routing
from pipeline.alerts.threads import before_waits_until, is_acknowledged, resolve, threaded


def keep(connection: Connection, alert: Alert, recorded_by: str, routing: Routing, now: datetime) -> bool:
    """Keep the alert within a transaction, to go where it is routed to. False: it was there already.

    What only repeats something acknowledged is kept as acknowledged, and goes nowhere. What hours are not quiet for
    does not wait for what it goes on about, where they are quiet for that.
    """
    if is_kept(connection, alert.key):
        return False
    judged, moment = threaded(connection, routing.judged(alert)), stored(now)
    repeats = is_acknowledged(connection, judged)
    quiet_until = routing.quiet_until(judged, now)
    earliest = stored(quiet_until) if quiet_until else None
    latest = None if earliest else moment + WINDOW
    ways = [
        {
            "key": alert.key,
            "channel": way.channel,
            "next_try_at": max(
                earliest or _first_try(connection, way.channel, moment),
                before_waits_until(connection, judged, way.channel, latest) or moment,
            ),
        }
        for way in routing.ways(judged)
    ]
    row = {
        "key": alert.key,
        "topic": alert.topic,
        "title": alert.title,
        "raised_at": stored(alert.raised_at),
        "recorded_at": moment,
        "recorded_by": recorded_by,
        "acknowledged_at": moment if repeats else None,
        "content": judged.to_json(),
        "thread": judged.follows or judged.key,
        "work": judged.work and judged.work.name,
    }
    connection.execute(insert(ALERTS), row)
    resolve(connection, judged)
    if ways and not repeats:
        connection.execute(insert(DELIVERIES), ways)
    return True


def add_way(connection: Connection, keys: Collection[str], way: Delivery) -> None:
    """Another way for kept alerts, but for those that have it already."""
    known = select(DELIVERIES.c.key).where(DELIVERIES.c.channel == way.channel, DELIVERIES.c.key.in_(keys))
    there: set[str] = set(connection.execute(known).scalars())
    state = {"channel": way.channel, "tries": way.tries, "next_try_at": stored(way.next_try_at), "error": way.error}
    if rows := [{"key": key, **state} for key in keys if key not in there]:
        connection.execute(insert(DELIVERIES), rows)


def is_kept(connection: Connection, key: str) -> bool:
    """Whether there is an alert of this very key."""
    return connection.execute(select(ALERTS.c.key).where(ALERTS.c.key == key)).first() is not None


def _first_try(connection: Connection, channel: str, moment: datetime) -> datetime:
    """At once, but a minute after the last that went to this channel, with all that come until then.

    However long a storm lasts, there is a message a minute. What one look finds is kept with one moment, and goes
    together. What waits for longer, for the end of quiet hours, counts for nothing: nobody was told of it.
    """
    first_due = case((DELIVERIES.c.error == "", DELIVERIES.c.next_try_at), else_=ALERTS.c.recorded_at)
    latest = (
        select(func.max(first_due))
        .join_from(ALERTS, DELIVERIES)
        .where(ALERTS.c.recorded_at > moment - 2 * WINDOW, ALERTS.c.recorded_at < moment)
        .where(DELIVERIES.c.channel == channel, first_due > moment - WINDOW, first_due <= moment + WINDOW)
    )
    due: datetime | None = connection.execute(latest).scalar()
    if due is None:
        return moment
    return due if due > moment else due + WINDOW
