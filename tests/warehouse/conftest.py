"""Fixtures of the warehouse suite."""

from pathlib import Path

import pytest
from small_shop import DDL, Shop
from staged_shop import StagedShop


@pytest.fixture
def shop(shop_url: str, tmp_path: Path) -> Shop:
    """A source of two tables with 30 days of history, nothing moved yet."""
    shop = Shop.at(shop_url, tmp_path)
    shop.execute(DDL)
    return shop


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
