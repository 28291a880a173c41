"""A small shop of two tables, and everything needed to move it: real PostgreSQL, real lake, real DuckDB."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Self

import duckdb
import psycopg
import yaml

from pipeline import equality, steps
from pipeline.plan import Scope
from pipeline.reports import AuditReport, HealReport, SyncReport
from pipeline.settings import Settings

DAY = date(2025, 1, 10)

CATALOG = {
    "schema": "ecommerce",
    "tables": {
        "customer": {
            "key": ["customer_id"],
            "columns": {"customer_id": "bigint not null", "name": "text", "created_at": "timestamptz not null"},
        },
        "sale": {
            "key": ["sale_id"],
            "partition": "created_at",
            "columns": {
                "sale_id": "bigint not null",
                "amount": "numeric(12,2) not null",
                "note": "text",
                "created_at": "timestamptz not null",
            },
        },
    },
}

DDL = """
create schema ecommerce;
create table ecommerce.customer (customer_id bigint primary key, name text, created_at timestamptz not null);
create table ecommerce.sale (
    sale_id bigint primary key, amount numeric(12,2) not null, note text, created_at timestamptz not null
);
insert into ecommerce.customer select i, 'customer ' || i, '2024-12-31' from generate_series(1, 50) i;
-- 30 days of history, ten sales each, the last on 2025-01-10
insert into ecommerce.sale
select i, i * 1.25, case i % 4 when 0 then null when 1 then '' when 2 then '\\N' else 'a, "b"' || chr(10) end,
    timestamptz '2025-01-10 00:00:00Z' - (i % 30) * interval '1 day' + i * interval '1 minute'
from generate_series(1, 300) i;
"""


@dataclass(frozen=True)
class Shop:
    """One source, lake and warehouse, and the steps over them."""

    url: str
    folder: Path
    settings: Settings

    @classmethod
    def at(cls, url: str, folder: Path, **settings: Any) -> Self:
        """A shop whose lake, warehouse and catalog are in `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        catalog = folder / "tables.yml"
        catalog.write_text(yaml.safe_dump(CATALOG, sort_keys=False))
        chosen = {"source": "external", "source_url": url, "data_dir": folder / "data", "catalog": catalog, **settings}
        return cls(url, folder, Settings(_env_file=None, **chosen))

    def execute(self, query: str) -> None:
        with psycopg.connect(self.url, autocommit=True, options="-c timezone=UTC") as connection:
            connection.execute(query)  # type: ignore[arg-type]

    def source(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url) as connection:
            return connection.execute(query).fetchall()  # type: ignore[arg-type]

    def sync(self, day: date = DAY, **scope: Any) -> SyncReport:
        """Publish a day; `scope` is what the run does besides (see `Scope`)."""
        return steps.sync_day(self.settings, day, scope=Scope(**scope))

    def audit(self) -> AuditReport:
        return equality.audit(self.settings)

    def heal(self, **options: Any) -> HealReport:
        return equality.heal(self.settings, **options)

    def differing(self) -> list[str]:
        return [d.partition.label for table in self.audit().tables for d in table.differences]

    def warehouse(self, query: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(self.settings.data / "warehouse" / "warehouse.duckdb") as connection:
            return connection.execute(query).fetchall()

    @property
    def days_folder(self) -> Path:
        return self.settings.data / "lake" / "source" / "csv"

    def catalog(self, change: Callable[[dict[str, Any]], None]) -> None:
        """Edit the catalog file as a user would."""
        content = yaml.safe_load(self.settings.catalog_path.read_text())
        change(content["tables"])
        self.settings.catalog_path.write_text(yaml.safe_dump(content, sort_keys=False))
