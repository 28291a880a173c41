"""Warehouses. Each has the same face (`base.Warehouse`); the URL chooses one."""

from pipeline.errors import ConfigurationError
from pipeline.settings import Settings
from pipeline.warehouse.base import Warehouse


def open_warehouse(settings: Settings) -> Warehouse:
    """The warehouse that TILLROLL_WAREHOUSE_URL names. Connects lazily, at the first call.

    Raises:
        ConfigurationError: the URL's scheme is not one Tillroll knows.
    """
    url = settings.warehouse
    if url.startswith("duckdb://"):
        from pipeline.warehouse.duckdb import DuckDBWarehouse

        return DuckDBWarehouse.from_url(url, memory=settings.warehouse_memory)
    raise ConfigurationError(
        f"TILLROLL_WAREHOUSE_URL: no warehouse for {url.split(':', 1)[0]!r}", "Use duckdb:///path/to/file.duckdb."
    )
