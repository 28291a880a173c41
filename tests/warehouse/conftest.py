"""Fixtures of the warehouse suite."""

from pathlib import Path

import pytest
from small_shop import DDL, Shop


@pytest.fixture
def shop(shop_url: str, tmp_path: Path) -> Shop:
    """A source of two tables with 30 days of history, nothing moved yet."""
    shop = Shop.at(shop_url, tmp_path)
    shop.execute(DDL)
    return shop
