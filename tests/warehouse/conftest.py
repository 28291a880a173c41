"""Fixtures of the warehouse suite."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from cloud_shop import CloudShop
from dbt.adapters.duckdb.credentials import DuckDBCredentials
from emulated_cloud import EmulatedCloud
from small_shop import DDL, Shop
from staged_shop import StagedShop


@pytest.fixture
def shop(shop_url: str, tmp_path: Path) -> Shop:
    """A source of two tables with 30 days of history, nothing moved yet."""
    shop = Shop.at(shop_url, tmp_path)
    shop.execute(DDL)
    return shop


@pytest.fixture
def cloud_shop(shop_url: str, tmp_path: Path, cloud: EmulatedCloud) -> CloudShop:
    """The same source with the last six of its days, and lake and warehouse in the emulated cloud."""
    shop = CloudShop.in_cloud(shop_url, tmp_path, cloud, maximum_bytes_billed=1_000_000_000)
    shop.execute(DDL + "delete from ecommerce.sale where created_at < '2025-01-05Z';")
    return shop


@pytest.fixture(scope="session", autouse=True)
def parsed_once() -> Iterator[None]:
    """A copy of a shop goes on from what dbt parsed for the first: dbt takes a file elsewhere for another project."""
    found = DuckDBCredentials._connection_keys

    def without_place(credentials: DuckDBCredentials) -> tuple[str, ...]:
        return tuple(key for key in found(credentials) if key not in {"path", "config_options"})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DuckDBCredentials, "_connection_keys", without_place)
        yield


@pytest.fixture(scope="session")
def first_build(tmp_path_factory: pytest.TempPathFactory) -> StagedShop:
    """A shop of four days with core and datamart built once; tests work on copies of it."""
    shop = StagedShop.new(tmp_path_factory.mktemp("first_build"))
    shop.core()
    shop.datamart()
    return shop


@pytest.fixture
def built_shop(first_build: StagedShop, tmp_path: Path) -> StagedShop:
    """A shop of four days with core and datamart built, to change and to build again."""
    return first_build.copy(tmp_path)
