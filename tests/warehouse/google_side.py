"""PostgreSQL's rows read by GoogleSQL's reference evaluator from the very CSV that a load job would get."""

import re
from collections.abc import Iterator
from datetime import date

import psycopg
from google_sql import evaluated

from pipeline.catalog import Table
from pipeline.fingerprint import EMPTY, Fingerprint
from pipeline.source_sql import copy_query, fingerprint_query
from pipeline.warehouse import bigquery_sql

_FIELD = re.compile(rb'(?:"((?:[^"]|"")*)"|([^,\n"]*))([,\n])')

# Each partition's day, written out; None for a whole table.
Fingerprints = dict[str | None, Fingerprint]


def of_postgres(connection: psycopg.Connection, table: Table) -> Fingerprints:
    """The fingerprints PostgreSQL computes over the live rows."""
    source, rejected = table.rejects or table, table.rejects is not None
    rows = connection.execute(fingerprint_query(source, [(None, date.max)], utf8=True)).fetchall()
    empty: Fingerprints = {} if table.is_daily else {None: EMPTY}
    return empty | {
        str(day) if day else None: Fingerprint(count, int(checksum))
        for day, is_rejected, count, checksum in rows
        if is_rejected is rejected
    }


def of_google(connection: psycopg.Connection, table: Table) -> Fingerprints:
    """The fingerprints GoogleSQL computes over what COPY writes."""
    query = bigquery_sql.fingerprint_query(table, "loaded")
    columns = ", ".join(f"cast({name} as string)" for name in ("day", "row_count", "checksum"))
    types = {column.name: bigquery_sql.column_type(column) for column in table.columns}
    found = evaluated(f"select {columns} from ({query})", types, copied(connection, table))
    return {day: Fingerprint(int(count or 0), int(checksum or 0)) for day, count, checksum in found}


def copied(connection: psycopg.Connection, table: Table) -> list[list[str | None]]:
    """The fields of every row as COPY writes them, unquoted; NULL as None. A daily table's rows lie on known days."""
    days = [date.fromisoformat(day) for day in of_postgres(connection, table) if day]
    with connection.cursor().copy(copy_query(table, days)) as copy:
        written = b"".join(map(bytes, copy))
    leading = 1 if table.is_daily else 0
    return [fields[leading:] for fields in csv_rows(written)]


def csv_rows(written: bytes) -> Iterator[list[str | None]]:
    r"""RFC 4180's rows. Only an unquoted `\N` is NULL, which Python's own reader could not tell from a quoted one."""
    fields: list[str | None] = []
    for found in _FIELD.finditer(written):
        quoted, bare, end = found.groups()
        text = bare if quoted is None else quoted.replace(b'""', b'"')
        fields.append(None if bare == rb"\N" else text.decode())
        if end == b"\n":
            yield fields
            fields = []
