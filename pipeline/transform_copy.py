"""The readers' copy of the datamart on a laptop: a DuckDB file of its own, because nobody can read the writer's."""

import os
from pathlib import Path

import duckdb

from pipeline.errors import ConfigurationError
from pipeline.warehouse.base import DATAMART
from pipeline.warehouse.duckdb_sql import quote, text


def swap_in_copy(warehouse: Path, copy: Path) -> None:
    """Copy the datamart's tables and put the copy in place at once: readers see the old one or the new one, whole.

    The caller holds the warehouse's lock.

    Raises:
        ConfigurationError: the copy would replace the warehouse itself.
    """
    if copy == warehouse:
        raise ConfigurationError(
            f"TILLROLL_WAREHOUSE_URL: {copy.name} is the name of the readers' copy", "Give the warehouse another name."
        )
    temporary = copy.with_suffix(".new")
    for left_over in (temporary, Path(f"{temporary}.wal")):
        left_over.unlink(missing_ok=True)
    with duckdb.connect(str(temporary)) as connection:
        _copy_tables(connection, warehouse)
    with temporary.open("rb+") as file:
        os.fsync(file.fileno())
    temporary.replace(copy)
    _sync_folder(copy.parent)


def _sync_folder(folder: Path) -> None:
    """Make a rename in the folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


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
