"""One view of the source for a whole step: an exported snapshot that parallel connections share.

Every fingerprint and every row of a run is read in the same instant of the source, so that tables fit each other and
a row that commits meanwhile belongs, whole, to the next run. A session-level advisory lock keeps extracts apart.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from queue import SimpleQueue

import psycopg
from psycopg.sql import SQL, Identifier, Literal

from pipeline.catalog import Table
from pipeline.errors import ConfigurationError, TransientError
from pipeline.source_errors import URL_FORM, changed, explained, place_of, refused

logger = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 10
LOCK_TIMEOUT_S = 900
FOLLOWER_LOCK_TIMEOUT_S = 5
# Any constant does; this one spells "till" in ASCII.
EXTRACT_LOCK = 0x74696C6C

# A value's text must depend on the value alone, and a row must never be hidden without an error.
_SESSION = {
    "timezone": "UTC",
    "datestyle": "ISO, YMD",
    "intervalstyle": "iso_8601",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "lc_monetary": "C",
    "search_path": "",
    "row_security": "off",
    "jit": "off",
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "application_name": "tillroll",
}

_SET_SESSION = SQL("select {}").format(
    SQL(", ").join(SQL("set_config({}, {}, false)").format(name, value) for name, value in _SESSION.items())
)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An instant of the source. `id` is PostgreSQL's name for it; `taken_at` is the server's clock.

    `followers` are the connections that see the same rows as the `leader`, while nobody uses them.
    """

    id: str
    taken_at: datetime
    utf8: bool
    leader: psycopg.Connection
    followers: SimpleQueue[psycopg.Connection]

    @contextmanager
    def connect(self) -> Iterator[psycopg.Connection]:
        """A follower for as long as the context lasts, from any thread; waits until one is free."""
        connection = self.followers.get()
        try:
            yield connection
        finally:
            self.followers.put(connection)


@contextmanager
def open_snapshot(
    url: str, catalog: Iterable[Table] = (), *, workers: int = 1, exclusive: bool = False
) -> Iterator[Snapshot]:
    """A snapshot of the source with `workers` followers, which lives as long as the context.

    The catalog's tables are kept from being truncated or altered meanwhile, as pg_dump does: a truncated table is empty
    in every snapshot, older ones too. `exclusive` waits until no other extract of this database runs.

    Raises:
        ConfigurationError: the URL is wrong, or the source refuses it.
        TransientError: the source is away, or another extract, or a table's lock, was not free for 15 minutes; a table
            came or went while others were waited for.
    """
    with ExitStack() as connections:
        leader = connections.enter_context(connect(url))
        _wait_for_locks(leader, LOCK_TIMEOUT_S)
        if exclusive:
            _lock(leader)
        tables = _lockable(leader, catalog)
        leader.execute("begin isolation level repeatable read, read only")
        _keep(leader, tables)  # before the first query, which fixes what the transaction sees
        row = leader.execute(
            "select pg_export_snapshot(), clock_timestamp(), current_setting('server_encoding')"
        ).fetchone()
        assert row is not None  # a select without a from has one row  # noqa: S101
        snapshot_id, taken_at, encoding = row
        if _lockable(leader, catalog) != tables:
            raise changed(leader.info.dbname, "a table came or went while the others were waited for")
        if encoding == "SQL_ASCII":
            raise ConfigurationError(
                f"the source database {leader.info.dbname} has encoding SQL_ASCII: its text has no known characters",
                "Move it to a UTF8 database (pg_dump, createdb -E UTF8, pg_restore).",
            )
        followers: SimpleQueue[psycopg.Connection] = SimpleQueue()
        for _ in range(workers):
            followers.put(_follow(connections.enter_context(connect(url)), snapshot_id, tables))
        yield Snapshot(snapshot_id, taken_at.astimezone(UTC), encoding == "UTF8", leader, followers)


def _follow(connection: psycopg.Connection, snapshot_id: str, tables: Sequence[Identifier]) -> psycopg.Connection:
    """See what the snapshot sees.

    Tables are locked at once: whoever came to wait for one behind the leader would make a later query wait, which the
    leader then waits for. The lock is not waited for either, or all readers of the shop would wait with us.
    """
    _wait_for_locks(connection, FOLLOWER_LOCK_TIMEOUT_S)
    connection.execute("begin isolation level repeatable read, read only")
    connection.execute(SQL("set transaction snapshot {}").format(Literal(snapshot_id)))
    _keep(connection, tables)
    return connection


def _keep(connection: psycopg.Connection, tables: Sequence[Identifier]) -> None:
    if tables:
        connection.execute(SQL("lock table {} in access share mode").format(SQL(", ").join(tables)))


def _wait_for_locks(connection: psycopg.Connection, seconds: int) -> None:
    connection.execute("select set_config('lock_timeout', %s, false)", [f"{seconds}s"])


@contextmanager
def connect(url: str) -> Iterator[psycopg.Connection]:
    """A connection to the source with the session the expressions rely on, in autocommit; closed at the end.

    Raises:
        ConfigurationError: the URL is wrong, or the source refuses it.
        TransientError: nothing answers there.
    """
    try:
        place = place_of(url)
        connection = psycopg.connect(url, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S, client_encoding="UTF8")
    except psycopg.ProgrammingError:
        # The driver's text would show the URL, and with it the password.
        raise ConfigurationError("TILLROLL_SOURCE_URL is not a PostgreSQL URL", URL_FORM) from None
    except psycopg.OperationalError as error:
        raise refused(place, error) from None
    with connection, explained(place):
        connection.execute(_SET_SESSION)
        yield connection


def _lock(connection: psycopg.Connection) -> None:
    taken = connection.execute("select pg_try_advisory_lock(%s)", [EXTRACT_LOCK]).fetchone()
    if taken == (True,):
        return
    logger.info("another extract of this source is running; waiting for it")
    try:
        connection.execute("select pg_advisory_lock(%s)", [EXTRACT_LOCK])
    except psycopg.errors.LockNotAvailable:
        raise TransientError(
            f"another extract of this source has been running for {LOCK_TIMEOUT_S} s",
            "Wait for it, or end it (its sessions are named tillroll in pg_stat_activity).",
        ) from None


def _lockable(connection: psycopg.Connection, catalog: Iterable[Table]) -> list[Identifier]:
    """The catalog's tables that are there and can be locked: foreign ones cannot."""
    names = {(table.schema, table.name) for table in catalog}
    rows = connection.execute(
        "select n.nspname, c.relname from pg_catalog.pg_class c"
        " join pg_catalog.pg_namespace n on n.oid = c.relnamespace"
        " where n.nspname = any(%s) and c.relkind in ('r', 'p') order by 1, 2",
        [sorted({schema for schema, _ in names})],
    )
    return [Identifier(*row) for row in rows if tuple(row) in names]
