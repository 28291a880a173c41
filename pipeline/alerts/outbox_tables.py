"""Where the outbox keeps its alerts: tables of one SQLite file, and transactions that do not deadlock."""

import zlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    DateTime,
    Engine,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    create_engine,
    event,
    inspect,
)
from sqlalchemy.pool import NullPool
from sqlalchemy.schema import CreateColumn

BUSY_SECONDS = 5.0
# When a delivery is tried next that was refused for good. Somebody may still ask for it.
NEVER = datetime(9999, 12, 31)  # noqa: DTZ001  # as it is kept: SQLite keeps no zone

METADATA = MetaData()
ALERTS = Table(
    "alert",
    METADATA,
    Column("key", String, primary_key=True),
    Column("topic", String, nullable=False),
    Column("title", String, nullable=False),
    Column("raised_at", DateTime, nullable=False),
    Column("recorded_at", DateTime, nullable=False, index=True),
    Column("recorded_by", String, nullable=False),
    Column("acknowledged_at", DateTime),
    Column("content", String, nullable=False),
    Column("thread", String, index=True),  # the first alert of those that go on about one thing; its own, of that one
    Column("work", String, index=True),  # what failed, of an alert about work that can succeed later
    Column("resolved_at", DateTime),
)
DELIVERIES = Table(
    "delivery",
    METADATA,
    Column("key", ForeignKey("alert.key"), primary_key=True),
    Column("channel", String, primary_key=True),
    Column("tries", Integer, nullable=False, default=0),
    Column("next_try_at", DateTime, nullable=False),
    Column("claimed_until", DateTime),
    Column("batch", String),  # what it was last tried with: after a killed sender, the very same message goes out again
    Column("delivered_at", DateTime),
    Column("sent_as", String),  # the key of the message that arrived: the alert's own, or a digest's
    Column("error", String, nullable=False, default=""),
)
TROUBLES = Table(
    "trouble",
    METADATA,
    Column("topic", String, primary_key=True),
    Column("watcher", String, nullable=False),
    Column("title", String, nullable=False),
    Column("first_seen_at", DateTime, nullable=False),
    Column("last_seen_at", DateTime, nullable=False),
    Column("alert_key", String, nullable=False, default=""),
    Column("size", Integer, nullable=False, default=0, server_default="0"),
)
LOOKED = Table(
    "looked",
    METADATA,
    Column("watcher", String, primary_key=True),
    Column("until", DateTime, nullable=False),
)


def open_file(path: Path, busy_s: float) -> Engine:
    """An engine whose transactions take the file's lock at their beginning, so that none waits for one that waits."""
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": busy_s}, poolclass=NullPool)

    @event.listens_for(engine, "connect")
    def _own_transactions(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # the driver begins none of its own
        connection.execute("pragma foreign_keys = on")
        connection.execute("pragma synchronous = full")

    @event.listens_for(engine, "begin")
    def _take_the_lock(connection: Connection) -> None:
        connection.exec_driver_sql("begin immediate")

    return engine


def make_tables(engine: Engine) -> None:
    """Make what is not there yet: tables, and the columns that files of earlier versions lack.

    The file says of what shape it is, so that a thousand processes which open it at once only read that.
    """
    with engine.begin() as connection:
        if connection.exec_driver_sql("pragma user_version").scalar() == _shape():
            return
        METADATA.create_all(connection)
        for table in METADATA.tables.values():
            there = {column["name"] for column in inspect(connection).get_columns(table.name)}
            for column in table.columns:
                if column.name not in there:
                    definition = CreateColumn(column).compile(dialect=engine.dialect)
                    connection.exec_driver_sql(f"alter table {table.name} add column {definition}")
            for index in table.indexes:
                index.create(connection, checkfirst=True)
        connection.exec_driver_sql(f"pragma user_version = {_shape()}")


def _shape() -> int:
    """A number for these tables and columns; SQLite keeps 31 bits of one with a file."""
    names = sorted(str(column) for table in METADATA.tables.values() for column in table.columns)
    return zlib.crc32("\n".join(names).encode()) & 0x7FFFFFFF


def stored(moment: datetime) -> datetime:
    """A moment as it is kept: SQLite keeps no zone, so all is UTC."""
    return moment.astimezone(UTC).replace(tzinfo=None)


def moment_of(kept: datetime) -> datetime:
    """The moment that was kept so."""
    return kept.replace(tzinfo=UTC)
