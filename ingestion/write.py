"""Writing: columns become CSV in Arrow, which is fast, and go to PostgreSQL by COPY.

Arrow writes NULL as nothing and '' as "", which is what PostgreSQL's CSV format reads.
"""

import io
import re
from collections.abc import Iterable

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.csv  # type: ignore[import-untyped]
from psycopg import Cursor
from psycopg.rows import TupleRow

from ingestion.rows import Column, Rows, joined
from ingestion.schema import ShopSchema, ShopTable

ARROW_TYPES = {
    "smallint": pa.int16(),
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "double precision": pa.float64(),
    "boolean": pa.bool_(),
    "text": pa.string(),
    "date": pa.date32(),
    "timestamptz": pa.timestamp("us", tz="UTC"),
}
_WITH_ARGUMENTS = re.compile(r"(numeric|char)\((\d+)(?:,(\d+))?\)")


def insert_rows(cursor: Cursor[TupleRow], schema: ShopSchema, table: ShopTable, chunks: Iterable[Rows]) -> int:
    """COPY rows into a table; returns how many. Every chunk has every column of the table."""
    return _copy(cursor, schema.qualified(table), table, tuple(table.columns), list(chunks))


def update_rows(cursor: Cursor[TupleRow], schema: ShopSchema, table: ShopTable, chunks: Iterable[Rows]) -> int:
    """Update rows by their key; returns how many rows changed. Of several changes of a row, the last updated_at wins.

    Every chunk has the same columns: the key, those that change, and updated_at.
    """
    chunks = [chunk for chunk in chunks if len(chunk["updated_at"])]
    if not chunks:
        return 0
    columns, key = tuple(chunks[0]), table.key[0]
    names = ", ".join(f'"{column}"' for column in columns)
    cursor.execute(
        f"create temporary table changed on commit drop as select {names} from {schema.qualified(table)} limit 0"
    )
    _copy(cursor, "changed", table, columns, chunks)
    assignments = ", ".join(f"{name} = changed.{name}" for name in columns if name != key)
    cursor.execute(
        f"update {schema.qualified(table)} as kept set {assignments} "
        f"from (select distinct on ({key}) * from changed order by {key}, updated_at desc) as changed "
        f"where kept.{key} = changed.{key}"
    )
    count = cursor.rowcount
    cursor.execute("drop table changed")
    return count


def _copy(cursor: Cursor[TupleRow], target: str, table: ShopTable, columns: tuple[str, ...], chunks: list[Rows]) -> int:
    if not chunks:
        return 0
    names = ", ".join(f'"{column}"' for column in columns)
    with cursor.copy(f"copy {target} ({names}) from stdin (format csv)") as copy:
        copy.write(_csv(table, {column: joined([chunk[column] for chunk in chunks]) for column in columns}))
    return cursor.rowcount


def _csv(table: ShopTable, rows: Rows) -> bytes:
    arrow = pa.table({name: to_arrow(values, table.type_of(name)) for name, values in rows.items()})
    buffer = io.BytesIO()
    pyarrow.csv.write_csv(arrow, buffer, pyarrow.csv.WriteOptions(include_header=False))
    return buffer.getvalue()


def to_arrow(values: Column, declared: str) -> pa.Array:
    """An Arrow array of the PostgreSQL type `declared`; decimals come as integers of their last digit."""
    arguments = _WITH_ARGUMENTS.fullmatch(declared)
    if arguments and arguments[1] == "numeric":
        return _decimals(values, int(arguments[2]), int(arguments[3]))
    arrow_type = pa.string() if arguments else ARROW_TYPES[declared]
    plain, mask = np.ma.getdata(values), np.ma.getmaskarray(values)
    if pa.types.is_date(arrow_type):
        plain = plain.astype(np.int32)
    if pa.types.is_temporal(arrow_type):
        return pa.array(plain, mask=mask).view(arrow_type)
    return pa.array(plain, mask=mask, type=arrow_type) if mask.any() else pa.array(plain, type=arrow_type)


def _decimals(values: Column, precision: int, scale: int) -> pa.Array:
    integers = np.ma.getdata(values).astype(np.int64)
    validity = pa.array(integers, mask=np.ma.getmaskarray(values)).buffers()[0]
    words = np.stack([integers, integers >> 63], axis=1)  # 128 bits, two's complement, low word first
    return pa.Array.from_buffers(
        pa.decimal128(precision, scale), len(integers), [validity, pa.py_buffer(words.tobytes())]
    )
