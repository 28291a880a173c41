"""Warehouses. Each has the same face (`base.Warehouse`); the URL chooses one."""

from pipeline.catalog import Catalog, load_catalog
from pipeline.errors import ConfigurationError
from pipeline.settings import Settings
from pipeline.warehouse.base import Warehouse


def open_warehouse(settings: Settings) -> Warehouse:
    """The warehouse that TILLROLL_WAREHOUSE_URL names. Connects lazily, at the first call.

    Raises:
        ConfigurationError: the URL's scheme is not one Tillroll knows, or its rest is not what that scheme takes; the
            warehouse cannot hold what the catalog names.
    """
    url = settings.warehouse
    if url.startswith("duckdb://"):
        from pipeline.warehouse.duckdb import DuckDBWarehouse

        return DuckDBWarehouse.from_url(url, memory=settings.warehouse_memory)
    if url.startswith("bigquery://"):
        from pipeline.google_clients import google_clients
        from pipeline.warehouse.bigquery import BigQueryWarehouse

        if not settings.lake.startswith("gs://"):
            raise ConfigurationError(
                "TILLROLL_LAKE_URL: BigQuery loads from Cloud Storage only", "Set it to gs://bucket."
            )
        require_names(settings, load_catalog(settings.catalog_path))
        return BigQueryWarehouse.from_url(
            url, google_clients(settings), maximum_bytes_billed=settings.maximum_bytes_billed
        )
    raise ConfigurationError(
        f"TILLROLL_WAREHOUSE_URL: no warehouse for {url.split(':', 1)[0]!r}",
        "Use duckdb:///path/to/file.duckdb or bigquery://project/location.",
    )


def require_names(settings: Settings, catalog: Catalog) -> None:
    """See that the warehouse can hold tables and columns of these names.

    Raises:
        ConfigurationError: it cannot; names the first that it refuses, and why.
    """
    if settings.warehouse.startswith("bigquery://"):
        from pipeline.warehouse.bigquery_names import check_names

        check_names(catalog)
