"""CSV files, as BigQuery reads them into a table.

bqemulator guesses the file's dialect, always takes the first line for a header, ignores nullMarker, quote,
fieldDelimiter, allowJaggedRows and maxBadRecords, and turns '' into NULL. Here every field is read as text, with the
options of the job, and then cast by BigQuery's rules for its column's type (`bigquery_load_types`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bqemulator.catalog.models import TableMeta

from emulators.bigquery_load_types import is_bad, value

MOST_NAMED = 5
LONGEST_LINE = 100 * 1024 * 1024


@dataclass(frozen=True)
class _Column:
    name: str
    kind: str
    required: bool

    @property
    def quoted(self) -> str:
        return f'"{self.name}"'

    @property
    def value(self) -> str:
        return value(self.quoted, self.kind)

    @property
    def is_bad(self) -> str:
        return is_bad(self.quoted, self.kind, required=self.required)


def insert(connection: Any, load: dict[str, Any], table: TableMeta, target: str, files: Mapping[Path, str]) -> int:
    """Insert the rows of the files, and give their number.

    Raises:
        ValueError: more rows do not fit the table than the job forgives.
    """
    columns = _columns(connection, load, table, target)
    names = ", ".join(column.quoted for column in columns)
    values = ", ".join(column.value for column in columns)
    bad = " or ".join(column.is_bad for column in columns)
    forgiven = int(load.get("maxBadRecords") or 0)
    rows = unreadable = 0
    for path, uri in files.items():
        if path.stat().st_size == 0:
            continue
        connection.execute(f"create or replace temp table _incoming as from {_read_csv(path, columns, load)}")
        unreadable += _unreadable(connection) if forgiven else 0
        refused = connection.execute(f"select {names} from _incoming where {bad}").fetchall()
        unreadable += len(refused)
        if unreadable > forgiven:
            raise ValueError(_message(connection, columns, uri, refused))
        connection.execute(f"insert into {target} ({names}) select {values} from _incoming where not ({bad})")
        rows += connection.fetchone()[0]
    connection.execute("drop table if exists _incoming")
    return rows


def _columns(connection: Any, load: dict[str, Any], table: TableMeta, target: str) -> list[_Column]:
    kinds = {row[0]: row[1] for row in connection.execute(f"describe {target}").fetchall()}
    required = {field.name for field in table.schema_.fields if field.mode == "REQUIRED"}
    given = [field["name"] for field in (load.get("schema") or {}).get("fields", [])]
    return [_Column(name, kinds[name], name in required) for name in given or kinds]


def _read_csv(path: Path, columns: Sequence[_Column], load: dict[str, Any]) -> str:
    quote, delimiter = load.get("quote", '"'), load.get("fieldDelimiter", ",")
    options = {
        "columns": "{" + ", ".join(f"{_text(column.name)}: 'VARCHAR'" for column in columns) + "}",
        "auto_detect": "false",
        "parallel": "false",  # DuckDB's parallel reader takes some texts for lines
        "header": "false",
        "new_line": _text("\\r\\n" if _ends_in_crlf(path) else "\\n"),  # or what is in a field may be taken for it
        "skip": str(int(load.get("skipLeadingRows") or 0)),
        "delim": _text({"\\t": "\t", "tab": "\t"}.get(delimiter, delimiter)),
        "quote": _text(quote),
        "escape": _text(quote),
        "nullstr": _text(load.get("nullMarker") or ""),
        "allow_quoted_nulls": "false",
        "null_padding": _flag(load.get("allowJaggedRows")),
        "compression": _text("gzip" if _is_gzip(path) else "none"),
        "max_line_size": str(LONGEST_LINE),
        "store_rejects": _flag(load.get("maxBadRecords")),
    }
    return f"read_csv({_text(str(path))}, {', '.join(f'{name} = {setting}' for name, setting in options.items())})"


def _unreadable(connection: Any) -> int:
    """The number of lines that DuckDB could not read, and skipped."""
    query = "select count(distinct (scan_id, file_id, line)) from reject_errors"
    count = int(connection.execute(query).fetchone()[0])
    connection.execute("delete from reject_errors")
    connection.execute("delete from reject_scans")
    return count


def _message(connection: Any, columns: Sequence[_Column], uri: str, refused: Sequence[Sequence[Any]]) -> str:
    """What BigQuery says about rows that do not fit."""
    causes = []
    for row in refused[:MOST_NAMED]:
        for position, (column, field) in enumerate(zip(columns, row, strict=True)):
            query = f"select {column.is_bad} from (select cast($1 as varchar) as {column.quoted})"
            if connection.execute(query, [field]).fetchone()[0]:
                shown = "null" if field is None else f"'{field}'"
                causes.append(
                    f"Could not parse {shown} as {column.kind} for field {column.name} (position {position}); "
                    f"File: {uri}"
                )
    return "; ".join(["CSV processing encountered too many errors, giving up", *causes])


def _ends_in_crlf(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 2))
        return file.read() == b"\r\n"


def _is_gzip(path: Path) -> bool:
    """By content, as BigQuery decides, not by name."""
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def _flag(setting: Any) -> str:
    return "true" if setting else "false"


def _text(words: str) -> str:
    return "'" + words.replace("'", "''") + "'"
