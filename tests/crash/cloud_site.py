"""A small shop in the emulated cloud, what happens in it day by day, and everything that a schedule leaves there.

The story is the same for every schedule: a first load with all its history, a day with late, changed and deleted rows
and a large object that shrinks, a day on which a table gets another column and another layout, and one more day.
"""

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psycopg
import yaml
from cloud_nursery import Nursery, Run
from emulated_cloud import EmulatedCloud
from google.cloud import bigquery

from pipeline.manifest import parse_manifest
from pipeline.settings import Settings

FIRST = date(2025, 1, 10)
# A note of a sale, ten of which make a day's object several pieces long, and give it a second part.
_LONG = 120_000

DDL = f"""
create schema ecommerce;
create table ecommerce.customer (customer_id bigint primary key, name text, created_at timestamptz not null);
create table ecommerce.sale (
    sale_id bigint primary key, amount numeric(12,2) not null, note text, created_at timestamptz not null
);
insert into ecommerce.customer
select i, 'customer ' || i, '2024-12-31' from generate_series(1, 20) i;
insert into ecommerce.sale
select i, i * 1.25, case i % 4 when 0 then null when 1 then '' when 2 then '\\N' else 'a, "b"' || chr(10) end,
    timestamptz '2025-01-10 00:00:00Z' - (i % 6) * interval '1 day' + i * interval '1 minute'
from generate_series(1, 60) i;
update ecommerce.sale set note = repeat('x', {_LONG}) where created_at::date = '2025-01-09';
"""

Tables = dict[str, Any]
CATALOG: Tables = {
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


def _sells_by_channel(tables: Tables) -> None:
    tables["sale"]["columns"]["channel"] = "text not null"
    tables["sale"]["key"] = ["channel", "sale_id"]


@dataclass(frozen=True)
class Chapter:
    """A day of the story: what happens in the source, and to the catalog, before its run."""

    day: date
    happens: str = ""
    catalog: Callable[[Tables], None] = lambda _: None


STORY = (
    Chapter(FIRST),
    Chapter(
        FIRST + timedelta(days=1),
        """
        insert into ecommerce.sale select 100 + i, i, 'new', timestamptz '2025-01-11 08:00Z' + i * interval '1 minute'
        from generate_series(1, 10) i;
        update ecommerce.sale set amount = amount + 1 where created_at::date = '2025-01-07';
        delete from ecommerce.sale where created_at::date = '2025-01-06';
        insert into ecommerce.sale values (200, 7.50, 'late', '2025-01-08 12:00Z');
        update ecommerce.sale set note = 'short' where created_at::date = '2025-01-09';
        delete from ecommerce.customer where customer_id > 18;
        """,
    ),
    Chapter(
        FIRST + timedelta(days=2),
        """
        alter table ecommerce.sale add column channel text not null default 'web';
        update ecommerce.sale set channel = 'app' where sale_id % 3 = 0;
        insert into ecommerce.sale values (300, 3.00, null, '2025-01-12 12:00Z', 'app');
        """,
        _sells_by_channel,
    ),
    Chapter(
        FIRST + timedelta(days=3),
        """
        insert into ecommerce.sale values (400, 4.00, '', '2025-01-13 12:00Z', 'web');
        update ecommerce.sale set note = 'returned' where sale_id = 300;
        update ecommerce.customer set name = 'somebody' where customer_id = 3;
        """,
    ),
)


@dataclass(frozen=True)
class Site:
    """One source database, bucket and project, and a nursery for its runs."""

    url: str
    folder: Path
    settings: Settings
    cloud: EmulatedCloud
    nursery: Nursery

    @classmethod
    def new(cls, postgres_url: str, folder: Path, cloud: EmulatedCloud, nursery: Nursery) -> "Site":
        """A shop nobody has moved yet."""
        name = f"cloud_{uuid.uuid4().hex[:12]}"
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute(f"create database {name}")  # type: ignore[arg-type]
        url = postgres_url.rsplit("/", 1)[0] + f"/{name}"
        folder.mkdir(parents=True)
        place = EmulatedCloud(cloud.servers, f"tillroll-{uuid.uuid4().hex[:8]}")
        settings = place.settings(
            folder / "data", source="external", source_url=url, catalog=folder / "tables.yml", shard_bytes=1_000_000
        )
        site = cls(url, folder, settings, place, nursery)
        site.execute(DDL)
        site._write_catalog(CATALOG)
        return site

    def remove(self, postgres_url: str) -> None:
        """Give the source's room back."""
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute(f"drop database {self.url.rpartition('/')[2]} with (force)")  # type: ignore[arg-type]

    def execute(self, statements: str) -> None:
        with psycopg.connect(self.url, autocommit=True, options="-c timezone=UTC") as connection:
            connection.execute(statements)  # type: ignore[arg-type]

    def live(self, chapter: Chapter) -> None:
        """Let what a chapter tells of happen."""
        if chapter.happens:
            self.execute(chapter.happens)
        catalog = yaml.safe_load(self.settings.catalog_path.read_text())
        chapter.catalog(catalog["tables"])
        self._write_catalog(catalog)

    def start(self, day: date, environment: Mapping[str, str] | None = None, **more: Any) -> Run:
        """A sync of a day, in a process of its own; `environment` names other ways to the services."""
        settings = self.settings.model_dump(mode="json", exclude_unset=True) | {"source_url": self.url}
        return self.nursery.start(
            do="sync", day=day.isoformat(), settings=settings, environment=environment or {}, **more
        )

    def read(self, seen: Path, catalogs: Sequence[Path]) -> Run:
        """A reader, who looks until it is killed, and writes down what it sees."""
        return self.nursery.start(
            do="read",
            project=self.cloud.project,
            location=self.cloud.location,
            catalogs=[str(path) for path in catalogs],
            seen=str(seen),
            environment={},
        )

    def state(self) -> dict[str, Any]:
        """Everything that counts and does not tell when, or how often, somebody ran.

        A partition that became empty is remembered, or not any more once its table came with all its history.
        """
        client = self.cloud.bigquery()
        return {
            "lake": self._objects(),
            "manifests": self._manifests(),
            "tables": {name: _described(client, name) for name in self._tables(client, "staging")},
            "rows": {name: _rows(client, name) for name in self._tables(client, "staging") if name != "_ledger"},
            "ledger": _rows(
                client, "_ledger", "table_name, `partition`, `rows`, checksum, schema_id, run_day", "`rows` > 0"
            ),
        }

    def leftovers(self) -> list[str]:
        """What is left in the lake's and the warehouse's back rooms and would stay there for ever."""
        client = self.cloud.bigquery()
        audit = [client.get_table(f"staging_audit.{name}") for name in self._tables(client, "staging_audit")]
        named = {part for manifest in self._manifests().values() for part in manifest["parts"]}
        objects = (name for name in self._objects() if name not in named)
        return [*(table.table_id for table in audit if table.expires is None), *objects]

    def _write_catalog(self, catalog: Tables) -> None:
        self.settings.catalog_path.write_text(yaml.safe_dump(catalog, sort_keys=False))

    def _tables(self, client: bigquery.Client, dataset: str) -> list[str]:
        return sorted(item.table_id for item in client.list_tables(dataset))

    def _objects(self) -> dict[str, str]:
        """The lake's objects but manifests, the last sequence, and what killed writers left, which `sweep` removes."""
        blobs = self.cloud.storage().list_blobs(self.settings.lake.removeprefix("gs://"))
        return {
            blob.name: f"{blob.size} {blob.crc32c}"
            for blob in blobs
            if not blob.name.startswith(".writing/") and not blob.name.endswith(("manifest.json", "sequence.json"))
        }

    def _manifests(self) -> dict[str, dict[str, Any]]:
        bucket = self.cloud.storage().bucket(self.settings.lake.removeprefix("gs://"))
        manifests = {}
        for blob in bucket.list_blobs(prefix="source/"):
            if not blob.name.endswith("manifest.json"):
                continue
            manifest = parse_manifest(blob.download_as_bytes(), blob.name)
            manifests[blob.name] = {
                "parts": sorted(part.path for found in manifest.objects.values() for part in found.parts),
                "objects": {name: (f.fingerprint, f.schema_id, f.parts) for name, f in manifest.objects.items()},
                "found": sorted(
                    (f.table, str(f.day), f.rows, f.checksum, f.schema_id) for f in manifest.run.found if f.rows
                )
                if manifest.run
                else None,
            }
        return manifests


def _described(client: bigquery.Client, name: str) -> dict[str, Any]:
    table = client.get_table(f"staging.{name}")
    return {
        "columns": [field.to_api_repr() for field in table.schema],
        "partitions": str(table.time_partitioning),
        "clusters": table.clustering_fields,
        "described": (table.description, table.labels),
        "expires": table.expires,
    }


def _rows(client: bigquery.Client, name: str, columns: str = "*", condition: str = "true") -> list[str]:
    """Rows as text, in order."""
    rows = client.query(f"select {columns} from staging.{name} where {condition}").result()
    return sorted(json.dumps([str(value) for value in row.values()]) for row in rows)
