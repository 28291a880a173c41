"""Rows on both sides: put into PostgreSQL, moved through the lake into DuckDB, fingerprinted on each. All real."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import psycopg
from psycopg.sql import SQL, Identifier

from pipeline.catalog import Catalog, Table, parse_catalog
from pipeline.extract import Extraction, extract
from pipeline.fingerprint import EMPTY, Fingerprint, Partition
from pipeline.lake.folder import FolderLake
from pipeline.plan import Planned, Span, Window
from pipeline.rejected import everything, rejected_table
from pipeline.snapshot import connect, open_snapshot
from pipeline.source_fingerprints import source_fingerprints
from pipeline.source_sql import canonical_row, relation
from pipeline.warehouse.duckdb import DuckDBPublication, DuckDBWarehouse

DAY = date(2025, 1, 1)
SCHEMA = "arena"

# A row as PostgreSQL's text format takes it: each value's text, None for NULL.
Row = Sequence[str | None]


@dataclass(frozen=True)
class Sides:
    """One table's fingerprint in PostgreSQL and in DuckDB, with its rejected rows on both."""

    source: Fingerprint
    warehouse: Fingerprint
    rejected: int = 0

    def __add__(self, other: "Sides") -> "Sides":
        """Both tables' rows together."""
        return Sides(
            _sum(self.source, other.source), _sum(self.warehouse, other.warehouse), self.rejected + other.rejected
        )


def _sum(one: Fingerprint, other: Fingerprint) -> Fingerprint:
    return Fingerprint(one.rows + other.rows, one.checksum + other.checksum)


class BothSides:
    """Moves rows and fingerprints them. Nothing is ever published: DuckDB's side waits in one open transaction."""

    def __init__(
        self, url: str, lake: FolderLake, connection: psycopg.Connection, publication: DuckDBPublication
    ) -> None:
        self._url, self._lake, self._connection, self._publication = url, lake, connection, publication

    @classmethod
    @contextmanager
    def opened(cls, url: str, folder: Path) -> Iterator["BothSides"]:
        """Both sides, for as long as the context lasts."""
        warehouse = DuckDBWarehouse(folder / "warehouse.duckdb")
        with connect(url) as connection, warehouse.publication() as publication:
            connection.execute(f"create schema {SCHEMA}")
            yield cls(url, FolderLake(folder / "lake"), connection, publication)
            connection.execute(f"drop schema {SCHEMA} cascade")

    def fingerprints(self, columns: Mapping[str, str], tables: Mapping[str, Sequence[Row]]) -> dict[str, Sides]:
        """The fingerprints of tables that have the same columns (name: declared type) and these rows."""
        catalog = self._fill(columns, tables)
        with open_snapshot(self._url) as snapshot:
            windows = {table.name: Window((Span(None, DAY),)) for table in catalog}
            ours = source_fingerprints(snapshot, catalog, windows, workers=1)
            plan = [Planned(partition, fingerprint, "new") for partition, fingerprint in ours.items()]
            run = Extraction(
                snapshot=snapshot,
                lake=self._lake,
                catalog=everything(catalog),
                day=DAY,
                sequence=uuid.uuid4().int,
                found=ours,
                histories=frozenset(tables),
                anew=frozenset(),
                evolved={},
                shard_bytes=1 << 30,
                workers=1,
                quiet=nullcontext,
            )
            extracted = extract(run, plan, lambda _: None)
            objects = {found.table: found for found in (*extracted.written, *extracted.kept)}

        def side(table: Table) -> Sides:
            if table.name not in objects:
                return Sides(EMPTY, EMPTY)
            self._publication.load(table, [objects[table.name]], self._lake)
            theirs = self._publication.fingerprints(table)[Partition(table.name)]
            return Sides(ours[Partition(table.name)], theirs, theirs.rows if table.rejects else 0)

        return {table.name: side(table) + side(rejected_table(table)) for table in catalog}

    def distinct(self, columns: Mapping[str, str], rows: Sequence[Row]) -> tuple[int, int]:
        """How many different rows PostgreSQL sees, and how many different canonical texts they have."""
        (table,) = self._fill(columns, {"t": rows})
        query = SQL("select count(distinct t), count(distinct {}) from {} t").format(
            SQL('{} collate "C"').format(canonical_row(table)), relation(table)
        )
        found = self._connection.execute(query).fetchone()
        assert found is not None
        return found[0], found[1]

    def _fill(self, columns: Mapping[str, str], tables: Mapping[str, Sequence[Row]]) -> Catalog:
        entries = {name: {"columns": dict(columns)} for name in tables}
        catalog = parse_catalog({"schema": SCHEMA, "tables": entries})
        for table in catalog:
            self._create(table, tables[table.name])
        return catalog

    def _create(self, table: Table, rows: Sequence[Row]) -> None:
        definitions = SQL(", ").join(
            SQL("{} {}").format(Identifier(column.name), SQL(column.type.source))  # type: ignore[arg-type]
            for column in table.columns
        )
        self._connection.execute(SQL("drop table if exists {}").format(relation(table)))
        self._connection.execute(SQL("create unlogged table {} ({})").format(relation(table), definitions))
        with self._connection.cursor().copy(SQL("copy {} from stdin").format(relation(table))) as copy:
            for row in rows:
                copy.write_row(row)
