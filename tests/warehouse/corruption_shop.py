"""What faults are planted into: a source with a column of every type, one state of it published, a newer one extracted.

Built once; each plant works on copies of the lake and of the warehouse file, in a folder of its own.
"""

import shutil
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import yaml
from every_type import KINDS

from pipeline import steps
from pipeline.catalog import Catalog, load_catalog
from pipeline.settings import Settings

DAY = date(2025, 1, 10)
DAYS = tuple(DAY - timedelta(days=back) for back in (2, 1, 0))
SCHEMA = "planted"
_LONGEST = 200
_COLUMNS = tuple(kind for kind in KINDS if kind.name != "an_hstore")  # its type lives in another schema

_PEOPLE = {
    "key": ["id"],
    "columns": {
        "id": "bigint not null",
        "name": "text",
        "nickname": "text",
        "amount": "numeric(12,2)",
        "limit_amount": "numeric(12,2)",
        "born": "date",
        "seen_at": "timestamptz",
    },
}
_PEOPLE_DDL = """(id bigint primary key, name text, nickname text, amount numeric(12,2), limit_amount numeric(12,2),
    born date, seen_at timestamptz)"""
_TYPES = """
create schema planted;
set search_path to planted, public;
create type mood as enum ('sad', 'so so', 'happy');
create type address as (street text, zip text);
create domain positive as integer check (value > 0);
create domain code as varchar(80);
create domain short_code as code check (length(value) < 9);
create domain rate as numeric(6,3);
"""
_DISCOVERED = {
    "positive": "integer",
    "short_code": "varchar(80)",
    "rate": "numeric(6,3)",
    "mood": "planted.mood",
    "address": "planted.address",
}
_NAMES = ("Zoë", "Zoe\u0308", "", r"\N", "1.50", 'a, "b"', "NULL", "~", "x ")


def read(settings: Settings) -> dict[str, Any]:
    """All that readers of a warehouse file see of staging, and the ledger. Zero has no sign."""
    with duckdb.connect(settings.warehouse.removeprefix("duckdb://"), read_only=True) as connection:
        found = connection.execute("select table_name from duckdb_tables() where schema_name = 'staging'").fetchall()
        seen: dict[str, Any] = {}
        for name in (name for (name,) in found if name != "_ledger"):
            rows = connection.execute(f'select columns(*)::varchar from staging."{name}"').fetchall()
            seen[name] = sorted(map(_plain, rows))
        ledger = connection.execute("select table_name, partition, rows, checksum, schema_id from staging._ledger")
        return seen | {"_ledger": sorted(ledger.fetchall())}


def _plain(row: tuple[str | None, ...]) -> tuple[str, ...]:
    return tuple("NULL" if value is None else f"={'0.0' if value == '-0.0' else value}" for value in row)


@dataclass(frozen=True)
class CorruptionShop:
    """The source, and three folders: the first state published, the next one extracted too, and published."""

    url: str
    folder: Path

    @classmethod
    def built(cls, url: str, folder: Path) -> "CorruptionShop":
        """The shop, with its source at `url`, and all its states."""
        shop = cls(url, folder)
        folder.mkdir(parents=True, exist_ok=True)
        shop._fill_source()
        steps.sync_day(shop.at(folder / "published"), DAY)
        shop._extract()
        return shop

    @property
    def catalog(self) -> Catalog:
        return load_catalog(self.folder / "tables.yml")

    @property
    def last_lake(self) -> Path:
        """The lake as it was when the first state was published."""
        return self.folder / "published" / "lake"

    @property
    def next_lake(self) -> Path:
        """The lake with the next state in it."""
        return self.folder / "extracted" / "lake"

    def at(self, folder: Path) -> Settings:
        """The same with its lake and warehouse in another folder."""
        return Settings(
            _env_file=None,
            source="external",
            source_url=self.url,
            data_dir=folder,
            catalog=self.folder / "tables.yml",
            workers=1,
            lookback=3,
        )

    def change(self) -> None:
        """The next state of the source: every partition differs from what is published."""
        self._execute("update every set a_text = before.a_text from before where before.id = every.id")
        for table in ("person", "twin"):
            self._execute(f"update {table} set name = substr(name, 2)")

    def _extract(self) -> None:
        """The next state, on its way: extracted beside what is published, and, as a twin, published."""
        self.change()
        for name in ("extracted", "expected"):
            shutil.copytree(self.folder / "published", self.folder / name)
            steps.extract_day(self.at(self.folder / name), DAY)
        steps.publish_day(self.at(self.folder / "expected"), DAY)

    def copy(self, state: str, folder: Path) -> Settings:
        """One of the states, to plant a fault into."""
        shutil.copytree(self.folder / state, folder)
        return self.at(folder)

    def _execute(self, statement: str) -> None:
        with psycopg.connect(self.url, autocommit=True, options="-c timezone=UTC") as connection:
            connection.execute("set search_path to planted, public")
            connection.execute(statement)  # type: ignore[arg-type]

    def _fill_source(self) -> None:
        columns = ", ".join(f"{kind.name} {kind.declared}" for kind in _COLUMNS)
        people = ", ".join(
            f"({i}, 'x' || $q${name}$q$, nullif($q${_NAMES[-i]}$q$, '~'), {i * 1.25}, {i * 2.5}, "
            f"date '1990-01-31' + {i}, timestamptz '2025-01-01Z' + interval '{i} s')"
            for i, name in enumerate(_NAMES, 1)
        )
        self._execute(
            _TYPES
            + f"create table every (id bigint primary key, created_at timestamptz not null, {columns});"
            + "".join(
                f"create table {name} {_PEOPLE_DDL}; insert into {name} values {people};" for name in ("person", "twin")
            )
            + "update twin set amount = amount + 100;"
            + _every_row()
            + "create table public.before as select id, a_text from every; update every set a_text = 'before';"
        )
        every = {
            "key": ["id"],
            "partition": "created_at",
            "columns": {"id": "bigint not null", "created_at": "timestamptz not null"}
            | {kind.name: _declared(kind.declared) for kind in _COLUMNS},
        }
        tables = {"every": every, "person": _PEOPLE, "twin": _PEOPLE}
        (self.folder / "tables.yml").write_text(yaml.safe_dump({"schema": SCHEMA, "tables": tables}, sort_keys=False))


def _declared(declared: str) -> str:
    """As `discover` writes a column's type: a domain by its base."""
    return _DISCOVERED.get(declared, declared)


def _every_row() -> str:
    """Rows with every value of every type, and one of NULLs a day."""
    values = [[*(sql for sql, arrives in kind.values if len(str(arrives)) < _LONGEST), kind.other] for kind in _COLUMNS]
    rows = [[of_kind[number % len(of_kind)] for of_kind in values] for number in range(max(map(len, values)))]
    rows += [["null"] * len(values) for _ in DAYS]
    texts = ", ".join(
        f"({number}, timestamptz '{DAYS[number % len(DAYS)]} 12:00Z' + interval '{number} s', {', '.join(row)})"
        for number, row in enumerate(rows, 1)
    )
    return f"insert into every values {texts};"
