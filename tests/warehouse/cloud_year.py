"""A shop with a year behind it in the emulated cloud: 365 days published, core and datamart built, then one more day.

The year is put into BigQuery at once, as every file of every day would take the emulator minutes. The day after it goes
through all steps.
"""

import dataclasses
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from emulated_cloud import EmulatedCloud
from google.cloud import bigquery
from google_reading import Record
from google_side import of_postgres
from two_places import move

from ingestion.config import IngestionConfig, Volumes
from ingestion.main_ingestion import ingest
from pipeline.catalog import Catalog, Table, load_catalog
from pipeline.fingerprint import Partition
from pipeline.ledger import LedgerEntry
from pipeline.settings import Settings
from pipeline.snapshot import connect
from pipeline.source_sql import copy_query
from pipeline.transform import transform_core, transform_datamart
from pipeline.warehouse import open_warehouse
from pipeline.warehouse.bigquery_jobs import Jobs
from pipeline.warehouse.bigquery_tables import as_in_catalog

LAST = date(2025, 1, 31)
NEXT = LAST + timedelta(days=1)
PUBLISHED_DAYS = 365
VOLUMES = Volumes(customers=60, products=40, stores=6, sessions=3000, transactions=1200, reviews=800)
SHOP = IngestionConfig(history_days=PUBLISHED_DAYS, volumes=VOLUMES)


@dataclass(frozen=True)
class CloudYear:
    """What was sent to BigQuery, to build and see everything and for the day after; the days that this one changed."""

    cloud: EmulatedCloud
    settings: Settings
    catalog: Catalog
    first: tuple[Record, ...]
    later: tuple[Record, ...]
    changed: frozenset[date]
    published_days: int

    @property
    def project(self) -> str:
        return self.cloud.project

    @classmethod
    def lived(cls, url: str, folder: Path, cloud: EmulatedCloud) -> "CloudYear":
        """Live it. The ingester finds SHOP where its variable points."""
        settings = cloud.settings(folder, source_url=url)
        catalog = load_catalog(settings.catalog_path)
        ingest(url, LAST)
        _publish_year(settings, catalog, cloud)
        transform_core(settings, LAST)
        transform_datamart(settings, LAST)
        _look_at_everything(settings, catalog)
        first = cloud.statements()
        ingest(url, NEXT)
        changed = frozenset(move(settings, NEXT).days)
        published = {partition.day for partition in open_warehouse(settings).ledger() if partition.day}
        later = cloud.statements()[len(first) :]
        return cls(cloud, settings, catalog, tuple(first), tuple(later), changed, len(published))


def _publish_year(settings: Settings, catalog: Catalog, cloud: EmulatedCloud) -> None:
    client, lake, entries = cloud.bigquery(), settings.lake.removeprefix("gs://"), []
    warehouse = open_warehouse(settings)
    with warehouse.lock(), connect(settings.source_url.get_secret_value() if settings.source_url else "") as source:
        for table in catalog:
            name = f"year/{table.name}.csv"
            with source.cursor().copy(copy_query(_undivided(table), [])) as copy:
                rows = b"".join(map(bytes, copy))
            cloud.storage().bucket(lake).blob(name).upload_from_string(b"header\n" + rows)
            reference = bigquery.TableReference.from_string(f"{cloud.project}.staging.{table.name}")
            target = client.create_table(as_in_catalog(table, reference))
            Jobs(client).load([f"gs://{lake}/{name}"], target, f"year_{table.name}", table.name).result()
            for day, fingerprint in of_postgres(source, table).items():
                partition = Partition(table.name, date.fromisoformat(day) if day else None)
                entries.append(LedgerEntry(partition, fingerprint, table.schema_id, 1, LAST, datetime.now(UTC)))
        with warehouse.publication() as publication:
            publication.publish(entries)


def _look_at_everything(settings: Settings, catalog: Catalog) -> None:
    """As `tillroll audit` and the report do."""
    warehouse = open_warehouse(settings)
    for table in catalog:
        warehouse.fingerprints(table)
    warehouse.row_counts()


def _undivided(table: Table) -> Table:
    """The same table as COPY writes it in one piece."""
    return dataclasses.replace(table, partition=None)
