"""What a day's proof costs as the history grows: `make scale`.

The fingerprint query of one run (its window and its sweep) over thirty days and over three years of the same rows a
day. PostgreSQL says how it reads them and how many 8 KiB buffers; a number of buffers, unlike seconds, is the same on
every machine.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import starmap
from pathlib import Path
from typing import Any

import psycopg
from psycopg.sql import SQL, Composable

from benchmarks.figures import write_table
from pipeline.catalog import Table, parse_catalog
from pipeline.embedded.postgres import EmbeddedPostgres
from pipeline.fingerprint import Fingerprint, Partition
from pipeline.ledger import Ledger, LedgerEntry
from pipeline.plan import Window, window
from pipeline.settings import Settings
from pipeline.snapshot import connect
from pipeline.source_sql import fingerprint_query, relation

LAST = date(2025, 12, 31)
HISTORIES = {"30 days": 30, "3 years": 1096}
LOOKBACK = SWEEP = 7
COLUMNS = {
    "event_id": "bigint not null",
    "customer_id": "bigint not null",
    "kind": "text not null",
    "amount": "numeric(14,2) not null",
    "note": "text",
    "paid_at": "timestamptz",
    "created_at": "timestamptz not null",
    "updated_at": "timestamptz not null",
}
DDL = f"create table public.{{name}} ({', '.join(f'{name} {kind}' for name, kind in COLUMNS.items())})"

# What a source may have for the column by which its rows have a day.
LAYOUTS = {
    "a B-tree index, as the practice shop has": ("", "create index on public.{name} (created_at)"),
    "a partition a month, and the index": (
        " partition by range (created_at)",
        "create index on public.{name} (created_at)",
    ),
    "a partition a month": (" partition by range (created_at)", ""),
    "a BRIN index": ("", "create index on public.{name} using brin (created_at)"),
    "nothing": ("", ""),
}
FILL = """
insert into public.{name}
select i, i % 9973, 'kind ' || i % 50, i % 10000 * 0.01, md5(i::text), at + interval '1 hour', at, at
from (
    select i, timestamptz '{first}Z' + i / {rows} * interval '1 day' + i % {rows} * interval '1 day' / {rows} as at
    from generate_series(0, {days} * {rows} - 1) i
) numbered
"""


@dataclass(frozen=True, slots=True)
class Reading:
    """How PostgreSQL reads a table for a query: its scans by kind, and the buffers it looked at."""

    scans: Mapping[str, int]
    buffers: int


@dataclass(frozen=True, slots=True)
class Cost:
    """A table's run of a day (its window and its sweep), its audit, and how many rows that read in how many seconds."""

    day: Reading
    audit: Reading
    rows: int
    seconds: float


def measure(connection: psycopg.Connection, layout: str, days: int, rows: int) -> Cost:
    """Make and fill a table of `days` days with `rows` rows each, and ask for its fingerprints."""
    table = _made(connection, layout, days, rows)
    ledger = _ledger(table, days)
    compared = window(table, LAST, LOOKBACK, ledger, SWEEP)
    everything = fingerprint_query(table, [(None, LAST)], utf8=True)
    started = time.monotonic()
    connection.execute(everything)
    seconds = time.monotonic() - started
    cost = Cost(_read(connection, _query(table, compared)), _read(connection, everything), days * rows, seconds)
    connection.execute(SQL("drop table {}").format(relation(table)))
    return cost


def _made(connection: psycopg.Connection, layout: str, days: int, rows: int) -> Table:
    name = f"layout_{list(LAYOUTS).index(layout)}_{days}"
    entry = {"key": ["event_id"], "partition": "created_at", "columns": COLUMNS}
    (table,) = parse_catalog({"schema": "public", "tables": {name: entry}})
    first = LAST - timedelta(days=days - 1)
    partitioned, index = LAYOUTS[layout]
    connection.execute(DDL.format(name=name) + partitioned)  # type: ignore[arg-type]
    for month in _months(first) if partitioned else []:
        connection.execute(
            f"create table public.{name}_{month:%Y%m} partition of public.{name} "  # type: ignore[arg-type]
            f"for values from ('{month}') to ('{_next(month)}')"
        )
    connection.execute(FILL.format(name=name, first=first, days=days, rows=rows))  # type: ignore[arg-type]
    connection.execute(index.format(name=name) or "select 1")  # type: ignore[arg-type]
    connection.execute(f"vacuum analyze public.{name}")  # type: ignore[arg-type]
    return table


def _months(first: date) -> Iterator[date]:
    month = first.replace(day=1)
    while month <= LAST:
        yield month
        month = _next(month)


def _next(month: date) -> date:
    return (month + timedelta(days=31)).replace(day=1)


def _ledger(table: Table, days: int) -> Ledger:
    """Every day published, and the sweep in the middle of its round."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    offsets = range(1, days)
    return Ledger(
        LedgerEntry(
            Partition(table.name, LAST - timedelta(days=o)), Fingerprint(1, 1), table.schema_id, o > days // 2, LAST, at
        )
        for o in offsets
    )


def _query(table: Table, compared: Window) -> Composable:
    return fingerprint_query(table, [(span.first, span.last) for span in compared.spans], utf8=True)


def _read(connection: psycopg.Connection, query: Composable) -> Reading:
    row = connection.execute(SQL("explain (analyze, buffers, timing off, format json) {}").format(query)).fetchone()
    assert row is not None  # explain answers with one row  # noqa: S101
    plan = row[0][0]["Plan"]
    scans: dict[str, int] = {}
    for node in _nodes(plan):
        if "Scan" in node["Node Type"]:
            scans[node["Node Type"]] = scans.get(node["Node Type"], 0) + 1
    return Reading(scans, plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", []):
        yield from _nodes(inner)


def main() -> None:
    """Measure every layout with both histories, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000, help="rows a day")
    rows = parser.parse_args().rows
    with (
        tempfile.TemporaryDirectory(prefix="tillroll-scale-") as folder,
        EmbeddedPostgres(Settings(data_dir=Path(folder)), fsync="off", full_page_writes="off").running() as server,
        connect(server.url("shop")) as connection,
    ):
        costs = {name: [measure(connection, name, days, rows) for days in HISTORIES.values()] for name in LAYOUTS}
    table = _table(costs, rows)
    print(table)
    write_table("scale", table)


def _table(costs: Mapping[str, list[Cost]], rows: int) -> str:
    return "\n".join([_caption(next(iter(costs.values()))[1], rows), "", *_HEAD, *starmap(_line, costs.items())])


_HEAD = (
    "| on the partition column | a day's run, 30 days | 3 years | ratio | how, 3 years | a full audit, 3 years |",
    "|---|---|---|---|---|---|",
)


def _caption(audit: Cost, rows: int) -> str:
    return (
        f"{datetime.now(UTC).date()}, `make scale`: {rows:,} rows a day of {len(COLUMNS)} columns, nothing random. "
        f"Buffers of 8 KiB that PostgreSQL reads for the fingerprints of one run: a lookback of {LOOKBACK} days, and a "
        f"sweep of {SWEEP} in the middle of the history. A full audit of three years took the source "
        f"{audit.seconds:.1f} s, {audit.rows / audit.seconds / 1e6:.1f} million rows a second on one connection."
    )


def _line(layout: str, costs: list[Cost]) -> str:
    short, long = costs
    how = ", ".join(f"{count} {kind}s" if count > 1 else kind for kind, count in long.day.scans.items())
    ratio = f"{long.day.buffers / short.day.buffers:.2f}"
    return f"| {layout} | {short.day.buffers:,} | {long.day.buffers:,} | {ratio} | {how} | {long.audit.buffers:,} |"


if __name__ == "__main__":
    main()
