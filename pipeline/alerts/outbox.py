"""The outbox: every alert there ever was, and for each channel whether it has been delivered.

An alert is in here before anybody tries to send it, under the key of what failed: reported twice, it is one alert. A
delivery is claimed before it is tried, for a while, so that two senders never send the same; a sender that is killed
loses its claim by time, and the next one sends the very same message again.

It is a file of its own, and not a table beside Airflow's metadata, because that database may be what has failed.
"""

import sqlite3
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, and_, insert, or_, select, update
from sqlalchemy.exc import DatabaseError

from pipeline.alerts.alert import Alert
from pipeline.alerts.outbox_entries import Delivery, Entry, entry_of
from pipeline.alerts.outbox_keeping import add_way, is_kept, keep
from pipeline.alerts.outbox_tables import (
    ALERTS,
    BUSY_SECONDS,
    DELIVERIES,
    LOOKED,
    NEVER,
    make_tables,
    moment_of,
    open_file,
    stored,
)
from pipeline.alerts.routing import Routing
from pipeline.alerts.threads import as_sent
from pipeline.errors import StepError

FILE = "outbox.db"
# Longer than a channel may take for a message, and the outbox to keep that it did: see delivery.
CLAIM = timedelta(minutes=3)
# For a sender that gives up within seconds: a task's callback, which may be cut off at any time.
BRIEF_CLAIM = timedelta(minutes=1)
# One message cannot hold more alerts than so many.
LARGEST_CLAIM = 5_000
FARTHEST = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Claim:
    """What one sender may try now: alerts of one channel. `tries` counts this one."""

    channel: str
    tries: int
    alerts: tuple[Alert, ...]


class OutboxBusyError(StepError):
    """The outbox is there, and others have it for longer than one waits for it."""


class Outbox:
    """The outbox in one file. Every method is one transaction; several processes may use it at once.

    Each raises StepError where the file cannot be read or written; the text names it.
    """

    def __init__(self, path: Path, busy_s: float = BUSY_SECONDS) -> None:
        self.path = path
        self._engine = open_file(path, busy_s)

    @classmethod
    def of(cls, data: Path, busy_s: float = BUSY_SECONDS) -> "Outbox":
        """The outbox of a data folder, made where there is none. Each transaction waits `busy_s` for others to end."""
        folder = data / "alerts"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StepError(f"cannot make {folder}: {error.strerror}", "Repair the folder's permissions.") from error
        outbox = cls(folder / FILE, busy_s)
        with outbox._explained():
            make_tables(outbox._engine)
        return outbox

    @classmethod
    def exists(cls, data: Path) -> bool:
        """Whether a data folder has an outbox."""
        return (data / "alerts" / FILE).exists()

    def record(self, alert: Alert, recorded_by: str, routing: Routing, now: datetime | None = None) -> bool:
        """Keep the alert, to be delivered where it is routed to. False: it was there already."""
        with self.transaction() as connection:
            return keep(connection, alert, recorded_by, routing, now or datetime.now(UTC))

    def claim(
        self,
        now: datetime | None = None,
        key: str | None = None,
        due_by: datetime | None = None,
        lasting: timedelta = CLAIM,
    ) -> Claim | None:
        """What is due (at `due_by`, or now) on the channel whose turn it is, for the caller alone to try.

        Of the alert `key` only, where given. None where nothing is due. The claim ends when it is `delivered`
        or `failed`, or after so long as it is `lasting`. What a sender that was killed has tried together is claimed
        together again.
        """
        moment = stored(now or datetime.now(UTC))
        query = select(ALERTS.c.content, DELIVERIES).join_from(DELIVERIES, ALERTS)
        query = query.where(_is_due(stored(due_by) if due_by else moment), _is_free(moment))
        if key is not None:
            query = query.where(DELIVERIES.c.key == key)
        with self.transaction() as connection:
            rows = connection.execute(query.order_by(DELIVERIES.c.next_try_at, ALERTS.c.recorded_at)).all()
            if not rows:
                return None
            mine = [r for r in rows if (r.channel, r.batch) == (rows[0].channel, rows[0].batch)][:LARGEST_CLAIM]
            tries = max(row.tries for row in mine) + 1
            alerts = (as_sent(connection, Alert.from_json(row.content), row.channel) for row in mine)
            claim = Claim(rows[0].channel, tries, tuple(alerts))
            claimed = {
                "claimed_until": moment + lasting,
                "tries": DELIVERIES.c.tries + 1,
                "batch": rows[0].batch or uuid4().hex,
            }
            connection.execute(update(DELIVERIES).where(_ways(claim)).values(claimed))
        return claim

    def delivered(
        self, claim: Claim, now: datetime | None = None, left: Collection[Delivery] = (), sent_as: str | None = None
    ) -> None:
        """The channel has taken all of it, in a message of the key `sent_as`.

        For those people whom it did not reach, a way of their own is `left`.
        """
        done = {"delivered_at": stored(now or datetime.now(UTC)), "sent_as": sent_as}
        with self.transaction() as connection:
            _settle(connection, claim, **done, claimed_until=None, error="")
            for way in left:
                add_way(connection, [alert.key for alert in claim.alerts], way)

    def failed(self, claim: Claim, error: str, next_try_at: datetime) -> None:
        """The channel has not taken it; it is due again at `next_try_at`."""
        with self.transaction() as connection:
            _settle(connection, claim, error=error, next_try_at=stored(next_try_at), claimed_until=None, batch=None)

    def refused(self, claim: Claim, error: str, instead: Delivery) -> None:
        """The channel will never take it. What reached nobody on another way goes on the way `instead`."""
        with self.transaction() as connection:
            _settle(connection, claim, error=error, next_try_at=NEVER, claimed_until=None, batch=None)
            keys = [alert.key for alert in claim.alerts]
            arrived = select(DELIVERIES.c.key).where(DELIVERIES.c.key.in_(keys), DELIVERIES.c.delivered_at.is_not(None))
            heard: set[str] = set(connection.execute(arrived).scalars())
            add_way(connection, [key for key in keys if key not in heard], instead)

    def hurry(self) -> int:
        """Make all that waits due at once, but for what somebody is just sending. Returns how many deliveries."""
        moment = stored(datetime.now(UTC))
        with self.transaction() as connection:
            waiting = update(DELIVERIES).where(DELIVERIES.c.delivered_at.is_(None), _is_free(moment))
            return connection.execute(waiting.values(next_try_at=moment)).rowcount

    def acknowledge(self, key: str, now: datetime | None = None) -> bool:
        """Somebody has taken care of the alert. False: there is none of this key."""
        with self.transaction() as connection:
            found = update(ALERTS).where(ALERTS.c.key == key)
            return bool(connection.execute(found.values(acknowledged_at=stored(now or datetime.now(UTC)))).rowcount)

    def is_known(self, key: str) -> bool:
        """Whether there is an alert of this very key."""
        with self.transaction() as connection:
            return is_kept(connection, key)

    def looked_until(self, watcher: str, first: datetime) -> datetime:
        """Up to when `watcher` has looked; `first`, which is remembered, where it never did."""
        with self.transaction() as connection:
            found = connection.execute(select(LOOKED.c.until).where(LOOKED.c.watcher == watcher)).scalar()
            if found is None:
                connection.execute(insert(LOOKED).values(watcher=watcher, until=stored(first)))
            return moment_of(found) if found else first

    def looked(self, watcher: str, until: datetime) -> None:
        """`watcher` has looked at all there was up to this moment."""
        with self.transaction() as connection:
            connection.execute(update(LOOKED).where(LOOKED.c.watcher == watcher).values(until=stored(until)))

    def entries(self, *, limit: int = 100, open_only: bool = False) -> list[Entry]:
        """The latest alerts, newest first; `open_only`: those that nobody has acknowledged."""
        query = select(ALERTS).order_by(ALERTS.c.recorded_at.desc(), ALERTS.c.key).limit(limit)
        if open_only:
            query = query.where(ALERTS.c.acknowledged_at.is_(None))
        return self._entries(query)

    def find(self, beginning: str) -> list[Entry]:
        """The alerts whose keys begin so."""
        return self._entries(select(ALERTS).where(ALERTS.c.key.startswith(beginning, autoescape=True)))

    def _entries(self, query: Any) -> list[Entry]:
        with self.transaction() as connection:
            alerts = connection.execute(query).all()
            keys = [row.key for row in alerts]
            ways = connection.execute(select(DELIVERIES).where(DELIVERIES.c.key.in_(keys))).all()
        return [entry_of(row, [way for way in ways if way.key == row.key]) for row in alerts]

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One transaction, with the file's lock. Raises StepError."""
        with self._explained(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except DatabaseError as error:
            if getattr(error.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY:
                raise OutboxBusyError(f"others have the outbox {self.path} for long", "Try again.") from error
            raise StepError(
                f"cannot use the outbox {self.path}: {error.orig}",
                "Free disk space or repair its permissions. A damaged file may be moved away: a new one is made.",
            ) from error


def _settle(connection: Connection, claim: Claim, **values: Any) -> None:
    connection.execute(update(DELIVERIES).where(_ways(claim)).values(values))


def _is_due(moment: datetime) -> Any:
    """Whether it is to be tried.

    What waits for longer than `FARTHEST` waits for the end of quiet hours, and was not tried before. Else a clock was
    ahead once: when it was tried, or when it was recorded.
    """
    next_try, was_ahead = DELIVERIES.c.next_try_at, or_(DELIVERIES.c.tries > 0, ALERTS.c.recorded_at > moment)
    astray = and_(next_try > moment + FARTHEST, next_try != NEVER, was_ahead)
    return and_(DELIVERIES.c.delivered_at.is_(None), or_(next_try <= moment, astray))


def _is_free(moment: datetime) -> Any:
    """Whether nobody is just sending it."""
    until = DELIVERIES.c.claimed_until
    return or_(until.is_(None), until <= moment, until > moment + CLAIM)


def _ways(claim: Claim) -> Any:
    keys = [alert.key for alert in claim.alerts]
    return and_(DELIVERIES.c.channel == claim.channel, DELIVERIES.c.key.in_(keys))
