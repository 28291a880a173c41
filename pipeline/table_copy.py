"""One table's COPY, cut into its partitions' files as it passes.

A daily table arrives day by day, each line led by its day, so one file is open at a time and memory stays flat however
long the history. Files keep temporary names: `extract` commits all of a run's files together.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import date

import psycopg

from pipeline.catalog import Table
from pipeline.errors import DataError
from pipeline.failpoints import failpoint
from pipeline.fingerprint import Partition
from pipeline.lake.base import Lake, ObjectWriter
from pipeline.manifest import Part, object_path
from pipeline.plan import Planned
from pipeline.snapshot import Snapshot
from pipeline.source_sql import copy_query

# `2025-01-01,` leads each line of a daily table's COPY.
_DAY_BYTES = 10


class PartitionFiles:
    """A partition on its way into the lake: one file, or several past `shard_bytes`. Files go under `folder`'s day."""

    def __init__(self, lake: Lake, table: Table, planned: Planned, folder: date, shard_bytes: int) -> None:
        self.planned = planned
        self.folder = folder
        self.parts: list[Part] = []
        self.longest_line = 0
        self._rows = 0
        self._writers: list[ObjectWriter] = []
        self._lake, self._table, self._shard_bytes = lake, table, shard_bytes

    def write(self, line: bytes) -> None:
        """Append one CSV line."""
        if not self._writers or self._writers[-1].size >= self._shard_bytes:
            self._next_file()
        self._writers[-1].write(line)
        self._rows += 1
        self.longest_line = max(self.longest_line, len(line))

    def close(self) -> None:
        """No more lines follow. A partition without rows is a file with a header only.

        Raises:
            DataError: COPY gave another number of rows than the fingerprint counted.
        """
        if not self._writers:
            self._next_file()
        self.parts.append(self._writers[-1].close())
        if self._rows != self.planned.fingerprint.rows:
            raise DataError(
                f"COPY of {self.planned.partition.label} gave {self._rows} rows, its fingerprint counts "
                f"{self.planned.fingerprint.rows}",
                "Both were read in one snapshot. Was a partition attached or detached meanwhile? Run again; "
                "if they differ again, check the source with `pg_amcheck`.",
            )

    def abort(self) -> None:
        """Forget the files."""
        for writer in self._writers:
            writer.abort()

    def commit(self) -> None:
        """Put the files under their names."""
        for writer in self._writers:
            writer.commit()

    def _next_file(self) -> None:
        if self._writers:
            self.parts.append(self._writers[-1].close())
        self._writers.append(self._lake.create(object_path(self.folder, self._table.name, len(self._writers))))
        self._writers[-1].write(_header(self._table))


def copy_table(
    snapshot: Snapshot, table: Table, files: Sequence[PartitionFiles], advance: Callable[[Partition], None]
) -> None:
    """Write the partitions' rows into their files, and close them.

    `files` are in order of day. `advance` is called after each partition.

    Raises:
        DataError: PostgreSQL cannot print a value, or counts and rows disagree.
    """
    waiting = list(files)
    days = [file.planned.partition.day for file in files if file.planned.partition.day]
    try:
        with failpoint("extract.copy"):
            for day, line in _lines(snapshot, table, days):
                while waiting and waiting[0].planned.partition.day != day:
                    _close(waiting.pop(0), advance)
                if not waiting:
                    raise _out_of_place(table)
                waiting[0].write(line)
            for file in waiting:
                _close(file, advance)
    except BaseException as error:
        for file in files:
            file.abort()
        if isinstance(error, psycopg.DataError):
            raise DataError(f"PostgreSQL cannot print a row of {table.name}: {error}", "Repair the value.") from error
        raise


def _close(file: PartitionFiles, advance: Callable[[Partition], None]) -> None:
    file.close()
    advance(file.planned.partition)


def _lines(snapshot: Snapshot, table: Table, days: Sequence[date]) -> Iterator[tuple[date | None, bytes]]:
    """The table's CSV lines, each with its day."""
    known = {day.isoformat().encode(): day for day in days}
    for line in copied_rows(snapshot, table, days):
        if not table.is_daily:
            yield None, line
        elif line[:_DAY_BYTES] in known:
            yield known[line[:_DAY_BYTES]], line[_DAY_BYTES + 1 :]
        else:
            raise _out_of_place(table)


def copied_rows(snapshot: Snapshot, table: Table, days: Sequence[date]) -> Iterator[bytes]:
    """What COPY sends, row by row."""
    with snapshot.connect() as connection, connection.cursor().copy(copy_query(table, days)) as copy:
        yield from map(bytes, copy)


def _out_of_place(table: Table) -> DataError:
    return DataError(
        f"COPY of {table.name} gave a row of a day that it was not asked for, or out of the order of days",
        "What came over the connection is not what PostgreSQL was asked for: run the step again.",
    )


def _header(table: Table) -> bytes:
    names = (column.name.replace('"', '""') for column in table.columns)
    return (",".join(f'"{name}"' if set(name) & set('",\r\n') else name for name in names) + "\n").encode()
