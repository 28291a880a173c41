"""The readers' copy of the datamart on a laptop: a DuckDB file of its own, because nobody can read the writer's."""

import os
import stat
from contextlib import suppress
from pathlib import Path

import duckdb

from pipeline.durable import sync_folder
from pipeline.errors import ConfigurationError, StepError
from pipeline.failpoints import failpoint
from pipeline.warehouse.base import DATAMART
from pipeline.warehouse.duckdb_sql import quote, text


def swap_in_copy(warehouse: Path, copy: Path) -> None:
    """Copy the datamart's tables and put the copy in place at once: readers see the old one or the new one, whole.

    The caller holds the warehouse's lock.

    Raises:
        ConfigurationError: the copy would replace the warehouse itself.
        StepError: the copy cannot be written, on a full disk for instance; readers keep the one they had.
    """
    if copy == warehouse:
        raise ConfigurationError(
            f"TILLROLL_WAREHOUSE_URL: {copy.name} is the name of the readers' copy", "Give the warehouse another name."
        )
    temporary = copy.with_suffix(".new")
    try:
        _remove(temporary)
        with failpoint("duckdb.copy_marts"):
            _write(temporary, warehouse)
        with failpoint("duckdb.swap_marts"):
            _write_ahead_log(copy).unlink(missing_ok=True)  # of a reader who wrote, and was killed: it fits no other
            temporary.replace(copy)
            sync_folder(copy.parent)
    except (duckdb.Error, OSError) as error:
        with suppress(OSError):
            _remove(temporary)
        raise StepError(
            f"cannot write the readers' copy {copy}: {str(error).strip()}",
            "Free disk space or repair its folder's permissions, and run the transform again: readers keep their copy.",
        ) from error


def _write(file: Path, warehouse: Path) -> None:
    """Write the copy to `file`, all of it to disk, and let nobody write to it afterwards."""
    with duckdb.connect(str(file)) as connection:
        _copy_tables(connection, warehouse)
        connection.execute("checkpoint")  # closing does it too, and says nothing when it fails
    with file.open("rb+") as written:
        os.fsync(written.fileno())
    file.chmod(stat.S_IMODE(file.stat().st_mode) & ~0o222)


def _write_ahead_log(file: Path) -> Path:
    return Path(f"{file}.wal")


def _remove(file: Path) -> None:
    for path in (file, _write_ahead_log(file)):
        path.unlink(missing_ok=True)


def _copy_tables(connection: duckdb.DuckDBPyConnection, warehouse: Path) -> None:
    """Copy into the schema `main`: in a file called datamart, a schema `datamart` would make every name ambiguous."""
    connection.execute(f"attach {text(str(warehouse))} as warehouse (read_only)")
    tables = connection.execute(
        "select table_name from duckdb_tables() where database_name = 'warehouse' and schema_name = ? order by all",
        [DATAMART],
    ).fetchall()
    for (name,) in tables:
        connection.execute(f"create table {quote(name)} as from warehouse.{DATAMART}.{quote(name)}")
    connection.execute("detach warehouse")
