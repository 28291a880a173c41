"""What PostgreSQL and its driver say when something is wrong, as errors that name the place and the remedy.

The driver's texts may show a URL, and with it a password: of them only the line that names none is passed on.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg.conninfo import conninfo_to_dict

from pipeline.errors import ConfigurationError, TransientError

URL_FORM = "Write it as postgresql://user:password@host:5432/database."

# Locks hold tables and their columns still. They do not hold a schema's name, or what a foreign table stands for.
_GONE = (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn, psycopg.errors.InvalidSchemaName)


@contextmanager
def explained(place: str) -> Iterator[None]:
    """Turn what can happen to an open connection into errors that name the place and the remedy."""
    try:
        yield
    except psycopg.errors.InsufficientPrivilege as error:
        raise ConfigurationError(
            f"PostgreSQL at {place}: {_reason(error)}",
            "Grant the user of TILLROLL_SOURCE_URL: usage on the schema, select on its tables (row security included).",
        ) from error
    except _GONE as error:
        raise changed(place, error.diag.message_primary or "") from error
    except psycopg.errors.LockNotAvailable as error:
        raise TransientError(
            f"a table in PostgreSQL at {place} is locked: {_reason(error)}",
            "Wait for the transaction that alters or truncates it, or end it (see pg_locks), and run the step again.",
        ) from error
    except psycopg.OperationalError as error:
        raise TransientError(
            f"the connection to PostgreSQL at {place} broke: {_reason(error)}",
            "Run the step again; nothing was published.",
        ) from error


def changed(place: str, reason: str) -> TransientError:
    """The error of a table, a column or a schema that was there a moment ago."""
    return TransientError(
        f"the source at {place} changed while it was read: {reason}",
        "Run the step again: it sees the source as it is then, and names what does not fit the catalog.",
    )


def place_of(url: str) -> str:
    """Where a URL leads, without the password. Raises psycopg.ProgrammingError."""
    parts = conninfo_to_dict(url)
    return f"{parts.get('host', 'localhost')}:{parts.get('port', 5432)}/{parts.get('dbname', '')}"


def refused(place: str, error: psycopg.OperationalError) -> ConfigurationError | TransientError:
    """The error of a connection that could not be opened: refused for good, or for now."""
    reason = _reason(error)
    if "FATAL" in reason and "starting up" not in reason and "shutting down" not in reason and "too many" not in reason:
        return ConfigurationError(
            f"PostgreSQL at {place} refuses the connection: {reason}",
            "Check user, password and database in TILLROLL_SOURCE_URL.",
        )
    return TransientError(
        f"no PostgreSQL answers at {place}: {reason}",
        "Start it (`make up` starts the embedded one), or correct TILLROLL_SOURCE_URL.",
    )


def _reason(error: psycopg.Error) -> str:
    """The driver's last line, which names no password."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
