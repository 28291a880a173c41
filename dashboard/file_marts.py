"""The published marts on a laptop: a DuckDB file that every run puts in the place of the one before."""

import threading
from pathlib import Path

import duckdb

from dashboard.answers import Answer, RepublishedError
from dashboard.queries import DUCKDB, Query
from pipeline.errors import StepError

NOT_BUILT = "It is of an older version: have it built again, `tillroll transform`."
AGAIN = "Repair its permissions, or have it written again: `tillroll transform`."


class FileMarts:
    """One file, opened for each query by its name.

    One query at a time: while a connection is open, DuckDB gives all others of this process the same file, also when by
    its name there is another by now.
    """

    dialect = DUCKDB

    def __init__(self, path: Path, memory: str) -> None:
        self._path = path
        self._options: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": memory,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
        self._alone = threading.Lock()

    def version(self) -> str | None:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._unreadable(error) from error
        return f"{found.st_ino}-{found.st_mtime_ns}-{found.st_size}"

    def read(self, query: Query, version: str) -> Answer:
        with self._alone:
            answer = self._read(query) if self.version() == version else None
            if answer is None or self.version() != version:
                raise RepublishedError("the marts were published anew meanwhile", "Load the page again.")
        return answer

    def _read(self, query: Query) -> Answer:
        try:
            with duckdb.connect(str(self._path), read_only=True, config=self._options) as connection:
                found = connection.execute(query.sql, dict(query.parameters))
                return Answer(tuple(column[0] for column in found.description), tuple(found.fetchall()))
        except (duckdb.CatalogException, duckdb.BinderException) as error:
            raise StepError(f"{self._path} lacks what the dashboard shows: {_first_line(error)}", NOT_BUILT) from error
        except (duckdb.Error, OSError) as error:
            raise self._unreadable(error) from error

    def _unreadable(self, error: Exception) -> StepError:
        return StepError(f"cannot read {self._path}: {_first_line(error)}", AGAIN)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
