"""The small shop with its lake and its warehouse in the emulated cloud, and what can be seen there."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emulated_cloud import EmulatedCloud
from google.cloud import bigquery, storage
from small_shop import Shop

from pipeline.warehouse import open_warehouse
from pipeline.warehouse.bigquery import BigQueryWarehouse

READ = ("staging", "core", "datamart")


@dataclass(frozen=True)
class CloudShop(Shop):
    """One source, a bucket and a project."""

    cloud: EmulatedCloud

    @classmethod
    def in_cloud(cls, url: str, folder: Path, cloud: EmulatedCloud, **settings: Any) -> "CloudShop":
        """A shop whose lake and warehouse are in `cloud`; its catalog is in `folder`."""
        chosen = {
            "lake_url": f"gs://{cloud.bucket()}",
            "warehouse_url": f"bigquery://{cloud.project}/{cloud.location}",
            "google_credentials": "anonymous",
        }
        shop = Shop.at(url, folder, **(chosen | settings))
        return cls(shop.url, shop.folder, shop.settings, cloud)

    def warehouse(self, query: str) -> list[tuple[Any, ...]]:
        return [tuple(row.values()) for row in self.cloud.bigquery().query(query).result()]

    def opened(self) -> BigQueryWarehouse:
        """The warehouse as the steps open it."""
        warehouse = open_warehouse(self.settings)
        assert isinstance(warehouse, BigQueryWarehouse)
        return warehouse

    def blob(self, path: str) -> storage.Blob:
        """An object of the lake."""
        return self.cloud.storage().bucket(self.settings.lake.removeprefix("gs://")).blob(path)

    def table(self, name: str) -> bigquery.Table:
        """A table, `dataset.table`, as BigQuery describes it."""
        return self.cloud.bigquery().get_table(name)

    def tables(self, dataset: str) -> list[str]:
        """What is in a dataset; nothing where it is missing."""
        client = self.cloud.bigquery()
        if dataset not in {found.dataset_id for found in client.list_datasets()}:
            return []
        return sorted(item.table_id for item in client.list_tables(dataset))

    def visible(self) -> list[str]:
        """Everything that people could read."""
        return [f"{dataset}.{name}" for dataset in READ for name in self.tables(dataset) if name[0] != "_"]

    def jobs(self, kind: str) -> list[Any]:
        """All jobs of a kind, `load`, `query` or `copy`, as BigQuery keeps them."""
        client = self.cloud.bigquery()
        return [client.get_job(job.job_id) for job in client.list_jobs() if job.job_type == kind]

    def loads(self) -> list[str]:
        """The ids of the jobs that loaded the shop's tables."""
        return sorted(job.job_id for job in self.jobs("load") if job.job_id.startswith("tillroll_load_"))
