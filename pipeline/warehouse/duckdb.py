"""The laptop's warehouse: one DuckDB file.

Load, audit, publish and ledger are one transaction. One process at a time has the file open, readers included (DuckDB
allows no other), so every opening holds a lock file; people read the copy that `transform` swaps in beside it.
"""

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import date
from pathlib import Path
from urllib.parse import unquote, urlsplit

import duckdb
from filelock import BaseFileLock, FileLock, Timeout

from pipeline.audit import compare, require_equal
from pipeline.catalog import Table
from pipeline.errors import ConfigurationError, DataError, TransientError
from pipeline.failpoints import failpoint
from pipeline.fingerprint import Fingerprint, Partition
from pipeline.lake.base import Lake
from pipeline.ledger import Ledger, LedgerEntry, partition_text
from pipeline.manifest import LakeObject
from pipeline.settings import MARTS_FILE
from pipeline.warehouse.base import BUILT_AGAIN, CORE, DATAMART, EQUALITIES, STAGING, Equality
from pipeline.warehouse.duckdb_errors import explained, first_lines, unusable, without_row
from pipeline.warehouse.duckdb_ledger import exists, insert_entries, read_ledger, read_published, require_columns
from pipeline.warehouse.duckdb_marts import swap_in_copy
from pipeline.warehouse.duckdb_sql import (
    LEDGER_COLUMNS,
    column_definitions,
    csv_rows,
    fingerprint_query,
    in_days,
    quote,
)

logger = logging.getLogger(__name__)

LOCK_TIMEOUT_S = 900
LEDGER = f"{STAGING}._ledger"
TRANSFORMED = f"{CORE}._transformed"


class DuckDBWarehouse:
    """A DuckDB file and its lock."""

    def __init__(self, path: Path, *, memory: str = "512MB", lock_timeout_s: float = LOCK_TIMEOUT_S) -> None:
        self.path = path
        self._memory = memory
        self._lock_timeout_s = lock_timeout_s

    @classmethod
    def from_url(cls, url: str, *, memory: str = "512MB") -> "DuckDBWarehouse":
        """The warehouse at `duckdb:///absolute/file.duckdb`.

        Raises:
            ConfigurationError: the URL names no file.
        """
        parts = urlsplit(url)
        if parts.netloc or not parts.path.startswith("/") or parts.path.endswith("/"):
            raise ConfigurationError(f"TILLROLL_WAREHOUSE_URL: {url!r} is not a file", "Write duckdb:///absolute/file.")
        return cls(Path(unquote(parts.path)), memory=memory)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the file for this process; may be taken again inside.

        Raises:
            TransientError: another process kept it for 15 minutes.
            StepError: there can be no such file.
        """
        lock_file = Path(f"{self.path}.lock")
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # customers' rows are their owner's alone
            lock: BaseFileLock = FileLock(lock_file, timeout=self._lock_timeout_s, is_singleton=True)
            lock.acquire()
        except Timeout:
            raise TransientError(
                f"another process has had {self.path} open for {self._lock_timeout_s:.0f} s",
                f"Wait for it, or find it with `fuser {lock_file}`.",
            ) from None
        except OSError as error:
            raise unusable(self.path, f"{error.strerror or error} ({error.filename or lock_file})") from error
        try:
            yield
        finally:
            lock.release()

    def require_lock(self) -> None:
        """A file's lock is held until its process ends."""

    def ledger(self) -> Ledger:
        with self._connection(reading=True) as connection:
            return read_published(connection, LEDGER)

    def transformed(self) -> Ledger:
        with self._connection(reading=True) as connection:
            return read_ledger(connection, TRANSFORMED)

    def record_transformed(self, entries: Collection[LedgerEntry]) -> None:
        with self._connection() as connection, _transaction(connection):
            connection.execute(f"create schema if not exists {CORE}")
            connection.execute(f"create table if not exists {TRANSFORMED} ({LEDGER_COLUMNS})")
            connection.execute(f"delete from {TRANSFORMED}")
            insert_entries(connection, TRANSFORMED, entries)

    @contextmanager
    def publication(self) -> Iterator["DuckDBPublication"]:
        with self._connection() as connection, _transaction(connection):
            connection.execute(f"create schema if not exists {STAGING}")
            connection.execute(f"create table if not exists {LEDGER} ({LEDGER_COLUMNS})")
            yield DuckDBPublication(connection)

    def fingerprints(self, table: Table) -> Mapping[Partition, Fingerprint]:
        with self._connection(reading=True) as connection:
            if not exists(connection, STAGING, table.name):
                return {}
            require_columns(connection, STAGING, table)
            return _fingerprints(connection, table, f"{STAGING}.{quote(table.name)}")

    def relations(self) -> set[str]:
        return set(self.row_counts())

    def show_marts(self) -> None:
        with self.lock():
            swap_in_copy(self.path, self._marts)

    def shows_marts(self) -> bool:
        return self._marts.exists()

    def row_counts(self) -> Mapping[str, int]:
        with self._connection(reading=True) as connection:
            names = connection.execute(
                "select table_schema, table_name from information_schema.tables "
                r"where table_schema in (?, ?, ?) and table_name not like '\_%' escape '\' order by all",
                [STAGING, CORE, DATAMART],
            ).fetchall()
            counts = {f"{schema}.{name}": _count(connection, schema, name) for schema, name in names}
            return {name: rows for name, rows in counts.items() if rows is not None}

    def days_to_build_again(self) -> Collection[date] | None:
        with self._connection(reading=True) as connection:
            if not exists(connection, CORE, BUILT_AGAIN):
                return ()
            try:
                return [day for (day,) in connection.execute(f"select day from {CORE}.{BUILT_AGAIN}").fetchall()]
            except (duckdb.CatalogException, duckdb.BinderException) as error:
                said = first_lines(error, 1)
                logger.warning("%s.%s cannot be read, so core is built from nothing: %s", CORE, BUILT_AGAIN, said)
                return None

    def equalities(self) -> Sequence[Equality]:
        with self._connection(reading=True) as connection:
            if not exists(connection, DATAMART, EQUALITIES):
                return []
            query = f"select layer, measure, value, expected from {DATAMART}.{EQUALITIES} order by all"
            return [Equality(*row) for row in connection.execute(query).fetchall()]

    @property
    def _marts(self) -> Path:
        """The readers' copy."""
        return self.path.with_name(MARTS_FILE)

    @contextmanager
    def _connection(self, *, reading: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
        """The file, opened under the lock; a reader of a file that is not there yet sees an empty database."""
        with self.lock():
            target = ":memory:" if reading and not self.path.exists() else str(self.path)
            with _open(target, self._config(), self.path) as connection:
                yield connection

    def _config(self) -> dict[str, str]:
        return {
            "memory_limit": self._memory,
            "temp_directory": f"{self.path}.spill",
            "preserve_insertion_order": "false",
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
        }


class DuckDBPublication:
    """One transaction of the file. Loaded rows wait in temporary tables, which nobody else can see."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._loaded: dict[Table, list[Partition]] = {}

    def ledger(self) -> Ledger:
        return read_published(self._connection, LEDGER)

    def load(self, table: Table, objects: Sequence[LakeObject], lake: Lake) -> None:
        audit = _audit_table(table)
        self._connection.execute(f"create or replace temporary table {audit} ({column_definitions(table)})")
        with ExitStack() as stack:
            parts = [part for found in objects for part in found.parts]
            longest = max(found.longest_line for found in objects)
            paths = [str(stack.enter_context(lake.local_path(part))) for part in parts]
            try:
                self._connection.execute(f"insert into {audit} {csv_rows(table, paths, longest)}")
            except (duckdb.DataError, duckdb.IntegrityError, duckdb.InvalidInputException) as error:
                # Without the cause: DuckDB's text quotes the row, and a customer's row belongs in no log or mail.
                named = [part.path for part, path in zip(parts, paths, strict=True) if path in str(error)]
                where = "; ".join([*named[:1], without_row(error)])
                raise DataError(
                    f"{table.name} holds a value that its type cannot hold here: {where}",
                    "Nothing was published. Repair the value in the source, or leave its column out of the catalog.",
                ) from None
        self._loaded[table] = [found.partition for found in objects]

    def fingerprints(self, table: Table) -> Mapping[Partition, Fingerprint]:
        return _fingerprints(self._connection, table, _audit_table(table))

    def publish(self, entries: Iterable[LedgerEntry]) -> None:
        """Put everything loaded in place. Raises AuditError where what readers would see is not what was audited."""
        recorded, published = list(entries), self.ledger()
        for table, partitions in self._loaded.items():
            with failpoint("duckdb.replace"):
                self._replace(table, partitions, is_published=published.knows(table))
        self._prove({entry.partition: entry.fingerprint for entry in recorded})
        with failpoint("duckdb.ledger"):
            for entry in recorded:
                table_name, day = entry.partition
                self._connection.execute(
                    f"delete from {LEDGER} where table_name = ? and partition = ?", [table_name, partition_text(day)]
                )
            insert_entries(self._connection, LEDGER, recorded)

    def _replace(self, table: Table, partitions: Sequence[Partition], *, is_published: bool) -> None:
        target = f"{STAGING}.{quote(table.name)}"
        if is_published:
            require_columns(self._connection, STAGING, table)
            where = in_days(table, [p.day for p in partitions if p.day]) if table.is_daily else "true"
            self._connection.execute(f"delete from {target} where {where}")
        else:  # never published, or with other columns, or dropped: all its history is loaded
            self._connection.execute(f"create or replace table {target} ({column_definitions(table)})")
            # A companion that was dropped comes again, too, if rows are rejected still.
            dropped = [] if exists(self._connection, STAGING, table.companion) else [table.companion]
            self._connection.execute(f"delete from {LEDGER} where table_name in ?", [[table.name, *dropped]])
        self._connection.execute(f"insert into {target} from {_audit_table(table)}")

    def _prove(self, expected: Mapping[Partition, Fingerprint]) -> None:
        """Fingerprint the partitions once more where readers will find them: the last step before the commit."""
        differences = []
        for table, partitions in self._loaded.items():
            where = in_days(table, [p.day for p in partitions if p.day]) if table.is_daily else "true"
            in_place = f"(from {STAGING}.{quote(table.name)} where {where}) as in_place"
            found = _fingerprints(self._connection, table, in_place)
            differences += compare({p: expected[p] for p in partitions}, found)
        require_equal(differences)


def _audit_table(table: Table) -> str:
    return f"temp.{quote('audit_' + table.name)}"


def _fingerprints(connection: duckdb.DuckDBPyConnection, table: Table, relation: str) -> dict[Partition, Fingerprint]:
    rows = connection.execute(fingerprint_query(table, relation)).fetchall()
    return {Partition(table.name, day): Fingerprint(count, int(checksum)) for day, count, checksum in rows}


def _count(connection: duckdb.DuckDBPyConnection, schema: str, name: str) -> int | None:
    """A relation's rows; None for a view that cannot be read, which then counts as absent and is built again."""
    try:
        row = connection.execute(f"select count(*) from {schema}.{quote(name)}").fetchone()
    except (duckdb.CatalogException, duckdb.BinderException) as error:
        logger.warning("the view %s.%s cannot be read and is left out: %s", schema, name, first_lines(error, 1))
        return None
    return row[0] if row else 0


@contextmanager
def _transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    connection.begin()
    try:
        yield
    except BaseException:
        connection.rollback()
        raise
    with failpoint("duckdb.commit"):
        connection.commit()


@contextmanager
def _open(target: str, config: dict[str, str], path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the file, and turn what can go wrong with it into errors that name it."""
    try:
        connection = duckdb.connect(target, config=config)  # type: ignore[arg-type,unused-ignore]
        try:
            yield connection
        finally:
            with failpoint("duckdb.close"):  # what was committed moves from the log into the file
                connection.close()
    except duckdb.Error as error:
        if (known := explained(error, path)) is None:
            raise
        raise known from error
