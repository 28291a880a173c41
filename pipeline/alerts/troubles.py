"""Troubles: what is wrong for as long as it lasts, such as a server that is down or a day that is not published.

Somebody looks again and again and says what is wrong now. People hear of it once, when it has lasted longer than it
may, and once more when it is over. What is remembered for that is in the outbox's file: a killed sentinel goes on.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from pipeline.alerts.alert import Alert, Pair, Severity, told, written
from pipeline.alerts.outbox import Outbox
from pipeline.alerts.outbox_keeping import keep
from pipeline.alerts.outbox_tables import ALERTS, TROUBLES, moment_of, stored
from pipeline.alerts.routing import Routing

# Where nobody looked for longer, nobody knows whether a trouble has lasted: servers that are being started are no news.
LONGEST_GAP = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that is wrong now. Of the same `topic`, it is the same trouble at the next look.

    `patience` is how long it may last before people hear of it. `size` is how much is wrong, where that can be counted:
    people hear again of what has grown. For `severity`, `dag` and `tags` see `Alert`.
    """

    topic: str
    title: str
    facts: tuple[Pair, ...] = ()
    sections: tuple[Pair, ...] = ()
    patience: timedelta = timedelta()
    size: int = 0
    severity: Severity = "error"
    dag: str = ""
    tags: tuple[str, ...] = ()

    def told(self, say: Callable[[str], str]) -> "Trouble":
        """The same, every text of it put through `say`: to mask what is secret."""
        return replace(self, title=say(self.title), facts=told(self.facts, say), sections=told(self.sections, say))


def note(
    outbox: Outbox,
    watcher: str,
    troubles: Collection[Trouble],
    routing: Routing,
    now: datetime | None = None,
    *,
    lasting: bool = True,
) -> list[Alert]:
    """Remember that `watcher` looked and saw these troubles, and no others. Returns the alerts this leads to.

    A watcher that could not look calls nothing: what it does not see is not over. Of the end of what is not `lasting`,
    which is news and no state, nobody hears.

    Raises:
        StepError: the outbox cannot be used.
    """
    moment = now or datetime.now(UTC)
    seen = {trouble.topic: trouble for trouble in troubles}  # of one topic, one is enough
    with outbox.transaction() as connection:
        known = {
            row.topic: row
            for row in connection.execute(select(TROUBLES).where(TROUBLES.c.watcher == watcher))
        }  # fmt: skip
        begun = [_seen(connection, watcher, trouble, known.get(topic), moment) for topic, trouble in seen.items()]
        over = [_over(connection, known[topic], moment) for topic in known.keys() - seen.keys()]
        alerts = [alert for alert in [*begun, *(over if lasting else [])] if alert]
        for alert in alerts:
            keep(connection, alert, watcher, routing, moment)
    return alerts


def begin(outbox: Outbox, watcher: str, topic: str, title: str, now: datetime | None = None) -> None:
    """Remember a trouble that somebody else saw before `watcher` looked again: how long it may last begins now.

    Raises:
        StepError: the outbox cannot be used.
    """
    with outbox.transaction() as connection:
        if connection.execute(select(TROUBLES.c.topic).where(TROUBLES.c.topic == topic)).first():
            return
        moment = stored(now or datetime.now(UTC))
        _insert(connection, watcher, topic, title, {"first_seen_at": moment, "last_seen_at": moment})


def topics(outbox: Outbox, watcher: str) -> list[str]:
    """What this watcher saw at its last look. Raises StepError."""
    with outbox.transaction() as connection:
        return list(connection.execute(select(TROUBLES.c.topic).where(TROUBLES.c.watcher == watcher)).scalars())


def _seen(
    connection: Connection, watcher: str, trouble: Trouble, known: Row[tuple[object, ...]] | None, now: datetime
) -> Alert | None:
    since = _since(known, now)
    seen = {"first_seen_at": stored(since), "last_seen_at": stored(now), "size": trouble.size}
    if known is None:
        _insert(connection, watcher, trouble.topic, trouble.title, seen)
    else:
        connection.execute(update(TROUBLES).where(TROUBLES.c.topic == trouble.topic).values(seen))
    if known and known.alert_key:
        return _grown(trouble, known, since, now) if trouble.size > known.size else None
    if now - since < trouble.patience:
        return None
    alert = _alert(trouble, since, now)
    heard = {"alert_key": alert.key, "title": trouble.title}
    connection.execute(update(TROUBLES).where(TROUBLES.c.topic == trouble.topic).values(heard))
    return alert


def _alert(trouble: Trouble, since: datetime, now: datetime) -> Alert:
    return Alert(
        key=_key(trouble.topic, since.isoformat()),
        topic=trouble.topic,
        title=trouble.title,
        raised_at=now,
        facts=(*trouble.facts, ("Since", written(since))),
        sections=trouble.sections,
        severity=trouble.severity,
        dag=trouble.dag,
        tags=trouble.tags,
    )


def _grown(trouble: Trouble, known: Row[tuple[object, ...]], since: datetime, now: datetime) -> Alert:
    """The same again, bigger. Each size is heard of once, though it may shrink in between."""
    alert = _alert(trouble, since, now)
    facts = (*alert.facts, ("Before", f"{known.size:,}"))
    return replace(alert, key=_key(alert.key, str(trouble.size)), facts=facts, follows=known.alert_key)


def _key(*parts: str) -> str:
    return sha256("\n".join(parts).encode()).hexdigest()[:16]


def _insert(connection: Connection, watcher: str, topic: str, title: str, seen: dict[str, Any]) -> None:
    connection.execute(insert(TROUBLES), {"topic": topic, "watcher": watcher, "title": title, **seen})


def _since(known: Row[tuple[object, ...]] | None, now: datetime) -> datetime:
    if known is None or (not known.alert_key and now - moment_of(known.last_seen_at) > LONGEST_GAP):
        return now
    return min(moment_of(known.first_seen_at), now)  # a clock may have been ahead


def _over(connection: Connection, known: Row[tuple[object, ...]], now: datetime) -> Alert | None:
    connection.execute(delete(TROUBLES).where(TROUBLES.c.topic == known.topic))
    if not known.alert_key:  # nobody heard of it
        return None
    heard: str = connection.execute(select(ALERTS.c.content).where(ALERTS.c.key == known.alert_key)).scalar_one()
    return replace(  # as bad, and about the same DAG: whoever heard of it hears that it is over
        Alert.from_json(heard),
        key=f"{known.alert_key}-over",
        title=f"RESOLVED {known.title}",
        raised_at=now,
        facts=(("Since", written(moment_of(known.first_seen_at))), ("Until", written(now))),
        sections=(("What to do", "Nothing: it is over."),),
        follows=known.alert_key,
        is_over=True,
    )
