"""Every type at its edges, moved to both warehouses, read back, and compared with what PostgreSQL holds.

A row has one value, in the column of its type, so that it is known which value was rejected. What is read back is
compared as the value it is, and not by the fingerprints and texts that Tillroll itself compares.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import yaml
from emulated_cloud import EmulatedCloud
from google_side import copied, of_google, of_postgres
from google_sql import evaluated
from type_edges import BEYOND_THE_EMULATOR, EDGES, TYPES, Edge

from pipeline import equality, steps
from pipeline.catalog import Table, load_catalog
from pipeline.column_types import Rule
from pipeline.rejected import rejected_table
from pipeline.settings import Settings
from pipeline.snapshot import connect
from pipeline.warehouse import bigquery_sql

DAY = date(2025, 1, 10)
EXACT = "exact"

# What stands in a column, by the row's id; and why a row is rejected.
Values = Mapping[int, Any]


@dataclass(frozen=True)
class Case:
    """One value of one type, and the row and column that hold it."""

    id: int
    declared: str
    column: str
    edge: Edge

    @property
    def expected(self) -> str:
        """What must come of it."""
        return f"rejected: {self.edge.reason}" if self.edge.reason else EXACT


@dataclass(frozen=True)
class Outcome:
    """What came of a value in a place: `exact`, `rejected: …`, or what is wrong."""

    case: Case
    place: str
    result: str

    @property
    def is_right(self) -> bool:
        return self.result == self.case.expected


def every_case() -> Iterator[Case]:
    """Each value, in the order of the types."""
    number = 0
    for place, (declared, edges) in enumerate(EDGES.items()):
        for edge in edges:
            number += 1
            yield Case(number, declared, f"c{place:02}", edge)


CASES = tuple(every_case())


def wrong(outcomes: Iterable[Outcome]) -> list[tuple[str, str, str]]:
    """The values of which something else came than must."""
    return [(o.case.declared, o.case.edge.says, f"{o.place}: {o.result}") for o in outcomes if not o.is_right]


class TypeMatrix:
    """One source with all the values, to be moved to one place after the other."""

    def __init__(self, url: str, folder: Path) -> None:
        self._url, self._folder = url, folder
        self._columns = {case.column: case.declared for case in CASES}
        with connect(url) as connection:
            connection.execute(TYPES)
            columns = ", ".join(f"{name} {declared}" for name, declared in self._columns.items())
            connection.execute(f"create table edges.edges (id int primary key, {columns})")  # type: ignore[arg-type]
            for case in CASES:
                insert = f"insert into edges.edges (id, {case.column}) values ({case.id}, {case.edge.sql})"
                connection.execute(insert)  # type: ignore[arg-type]
        self.table = self._catalog("tables.yml", self._columns)
        self._held = self._in_postgres()

    def on_laptop(self) -> list[Outcome]:
        """Every value through the lake into DuckDB, and back."""
        settings = self._settings("tables.yml", data_dir=self._folder / "laptop")
        self._move(settings)
        with duckdb.connect(settings.warehouse.removeprefix("duckdb://"), read_only=True) as connection:

            def read(query: str) -> list[tuple[Any, ...]]:
                return connection.execute(query).fetchall()

            return self._outcomes("DuckDB", self.table, read)

    def in_cloud(self, cloud: EmulatedCloud) -> list[Outcome]:
        """Every value that the emulator can hold through the emulated bucket into the emulated BigQuery, and back."""
        columns = {name: kind for name, kind in self._columns.items() if kind not in BEYOND_THE_EMULATOR}
        table = self._catalog("cloud.yml", columns)
        settings = cloud.settings(self._folder / "cloud", **self._chosen("cloud.yml"))
        self._move(settings)

        def read(query: str) -> list[tuple[Any, ...]]:
            return [tuple(row.values()) for row in cloud.bigquery().query(query).result()]

        return self._outcomes("BigQuery", table, read)

    def by_google(self) -> list[Outcome]:
        """What Google's evaluator makes of the CSV that a load job would get; its fingerprints are PostgreSQL's."""
        with connect(self._url) as connection:
            for table in (self.table, rejected_table(self.table)):
                assert of_google(connection, table) == of_postgres(connection, table)
            rows = copied(connection, self.table)
            kept = copied(connection, rejected_table(self.table))
        types = {column.name: bigquery_sql.column_type(column) for column in self.table.columns}
        # Its own texts of what it has read, which are parsed as values. The canonical text of a float knows no -0.
        texts = ", ".join(
            f"format('%t', t.{column.name})" if column.type.rule is Rule.FLOAT else bigquery_sql.canonical(column)
            for column in self.table.columns
        )
        found = evaluated(f"select {texts} from loaded as t", types, rows)
        names = [column.name for column in self.table.columns]
        values = {int(row[0] or 0): dict(zip(names, row, strict=True)) for row in found}
        reasons = {int(str(key)): str(reason) for key, reason, _ in kept}
        rules = {column.name: column.type.rule for column in self.table.columns}

        def arrived(case: Case) -> Any:
            return _parsed(rules[case.column], values[case.id][case.column])

        return [Outcome(case, "Google", self._result(case, reasons, arrived)) for case in CASES]

    def _outcomes(self, place: str, table: Table, read: Callable[[str], list[tuple[Any, ...]]]) -> list[Outcome]:
        reasons = {int(key): reason for key, reason in read("select row_key, reason from staging.rejected_edges")}
        columns = {column.name: dict(read(f"select id, {column.name} from staging.edges")) for column in table.columns}
        ids = columns["id"].keys() | reasons.keys()
        assert len(columns["id"]) + len(reasons) == len(ids) == len(CASES)  # each row is in one of the two tables
        here = [case for case in CASES if case.column in columns]
        return [Outcome(c, place, self._result(c, reasons, lambda c: columns[c.column][c.id])) for c in here]

    def _result(self, case: Case, reasons: Mapping[int, str], arrived: Callable[[Case], Any]) -> str:
        if case.id in reasons:
            return f"rejected: {reasons[case.id].removeprefix(f'{case.column} ')}"
        value, held = arrived(case), self._held[case.id]
        return EXACT if _identity(value) == _identity(held) else f"{value!r:.60} instead of {held!r:.60}"

    def _in_postgres(self) -> dict[int, Any]:
        """The values as Python has them, of PostgreSQL's own text; nothing of those that Python has no value for."""
        held: dict[int, Any] = {}
        with connect(self._url) as connection:
            for case in CASES:
                if not case.edge.reason:
                    rule = self.table.column(case.column).type.rule
                    text = _TEXT.get(rule, "{c}::text").format(c=case.column)
                    query = f"select {text} from edges.edges where id = {case.id}"
                    row = connection.execute(query).fetchone()  # type: ignore[arg-type]
                    assert row is not None
                    held[case.id] = _VALUE[rule](row[0])
        return held

    def _catalog(self, file: str, columns: Mapping[str, str]) -> Table:
        declared = {"id": "integer not null"} | {name: _BASE.get(kind, kind) for name, kind in columns.items()}
        entry = {"key": ["id"], "columns": declared}
        path = self._folder / file
        path.write_text(yaml.safe_dump({"schema": "edges", "tables": {"edges": entry}}, sort_keys=False))
        return load_catalog(path).table("edges")

    def _chosen(self, catalog: str) -> dict[str, Any]:
        return {"source": "external", "source_url": self._url, "catalog": self._folder / catalog}

    def _settings(self, catalog: str, **more: Any) -> Settings:
        return Settings(_env_file=None, **self._chosen(catalog), **more)

    def _move(self, settings: Settings) -> None:
        steps.sync_day(settings, DAY)
        assert equality.audit(settings).equal


# A domain's column is declared as its base type; PostgreSQL names the types of its own search path without a schema.
_BASE = {"rate": "numeric(6,3)", "mood": "edges.mood", "address": "edges.address"}

_TEXT = {
    Rule.FLOAT: "{c}::double precision::text",
    Rule.TIMESTAMP: "({c} at time zone 'UTC')::text",
    Rule.BYTES: "encode({c}, 'hex')",
}
_VALUE: dict[Rule, Callable[[str], Any]] = {
    Rule.INTEGER: int,
    Rule.DECIMAL: Decimal,
    Rule.FLOAT: float,
    Rule.BOOLEAN: {"true": True, "false": False}.__getitem__,
    Rule.DATE: date.fromisoformat,
    Rule.TIME: time.fromisoformat,
    Rule.DATETIME: datetime.fromisoformat,
    Rule.TIMESTAMP: datetime.fromisoformat,
    Rule.BYTES: bytes.fromhex,
    Rule.TEXT: str,
}


def _parsed(rule: Rule, canonical: str | None) -> Any:
    assert canonical is not None
    if rule is Rule.TEXT:
        length, _, text = canonical.partition(":")
        assert len(text) == int(length)
        return text
    return _VALUE[rule](canonical)


def _identity(value: Any) -> tuple[str, Any]:
    """The value with its type: 1 is not 1.0, -0.0 is not 0.0, NaN is NaN; instants are naive UTC."""
    match value:
        case float():
            return "float", "nan" if math.isnan(value) else value.hex()
        case datetime():
            return "moment", value.replace(tzinfo=None)
    return type(value).__name__, value
