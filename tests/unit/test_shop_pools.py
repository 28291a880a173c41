"""Pools are the same in every process, and as large and as foreign as the shop relies on."""

import os
import subprocess
import sys

import pytest

from ingestion.pools import BRANDS, COUNTRIES, NAMES, PLACES, STREETS, SURNAMES, build_pools
from ingestion.rows import day_number, day_of

PROGRAM = """
from ingestion.places import store_rows
from ingestion.pools import build_pools
pools = build_pools(7)
print([getattr(pools, name).tolist() for name in pools.__slots__], store_rows(7, 40, 20_000))
"""


def drawn(hash_seed: str) -> str:
    environment = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-c", PROGRAM]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True, encoding="utf-8").stdout


def test_every_process_draws_the_same_pools() -> None:
    """Python orders sets differently in every process; a provider that draws from one would change with it."""
    assert drawn("1") == drawn("2")


def test_each_country_has_its_part_of_every_pool() -> None:
    pools, countries = build_pools(7), len(COUNTRIES)
    assert len(pools.female_names) == len(pools.male_names) == countries * NAMES
    assert len(pools.surnames) == len(pools.surname_mailboxes) == countries * SURNAMES
    assert len(pools.streets) == countries * STREETS
    assert len(pools.cities) == len(pools.regions) == len(pools.postal_codes) == countries * PLACES
    assert len(pools.brands) == BRANDS
    assert sum(country.weight for country in COUNTRIES) == pytest.approx(1)


def test_mail_addresses_are_ascii_and_names_are_not() -> None:
    pools = build_pools(7)
    assert "".join(pools.surname_mailboxes).isascii()
    assert all(pools.surname_mailboxes)
    assert not "".join(pools.surnames).isascii()


def test_days_have_numbers() -> None:
    assert day_number(day_of(20_000)) == 20_000
    assert day_of(0).isoformat() == "1970-01-01"
