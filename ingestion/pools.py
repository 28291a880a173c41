"""Pools of names and places, built once with Faker, from which customers and products are drawn in bulk.

Faker makes a few thousand names per second, NumPy draws millions from a pool. Two kinds of providers are not used:
those that know today's date, and those that draw from a set (it_IT's cities), whose order changes with the process.
"""

import functools
import unicodedata
from collections import defaultdict
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from faker import Faker

from ingestion.rows import Integers, Rows, Texts, texts
from ingestion.streams import stream

NAMES, SURNAMES, STREETS, PLACES, BRANDS = 80, 200, 150, 80, 120


class Country(NamedTuple):
    """Where customers live; `weight` is their share."""

    code: str
    locale: str
    dialing_code: str
    weight: float


COUNTRIES = (
    Country("DE", "de_DE", "49", 0.27),
    Country("FR", "fr_FR", "33", 0.17),
    Country("GB", "en_GB", "44", 0.13),
    Country("ES", "es_ES", "34", 0.10),
    Country("PT", "pt_PT", "351", 0.10),
    Country("NL", "nl_NL", "31", 0.07),
    Country("PL", "pl_PL", "48", 0.07),
    Country("SE", "sv_SE", "46", 0.04),
    Country("CZ", "cs_CZ", "420", 0.03),
    Country("GR", "el_GR", "30", 0.02),
)


@dataclass(frozen=True, slots=True)
class Pools:
    """Each pool holds the countries one after the other, in equal parts: NAMES, SURNAMES, STREETS or PLACES each."""

    female_names: Texts
    male_names: Texts
    surnames: Texts
    female_mailboxes: Texts
    male_mailboxes: Texts
    surname_mailboxes: Texts
    streets: Texts
    cities: Texts
    regions: Texts
    postal_codes: Texts
    brands: Texts


@functools.lru_cache(maxsize=4)
def build_pools(seed: int) -> Pools:
    """The pools of one seed."""
    columns: dict[str, list[str | None]] = defaultdict(list)
    for position, country in enumerate(COUNTRIES):
        faker = Faker(country.locale, providers=["faker.providers.person", "faker.providers.address"])
        faker.seed_instance(int(stream(seed, "pools", position).integers(2**32)))
        for names, mailboxes, draw, size in (
            ("female_names", "female_mailboxes", faker.first_name_female, NAMES),
            ("male_names", "male_mailboxes", faker.first_name_male, NAMES),
            ("surnames", "surname_mailboxes", faker.last_name, SURNAMES),
        ):
            drawn = [draw() for _ in range(size)]
            columns[names] += drawn
            columns[mailboxes] += map(_mailbox_name, drawn)
        columns["streets"] += [faker.street_name() for _ in range(STREETS)]
        columns["cities"] += [faker.city() for _ in range(PLACES)]
        # every tenth place has no region, as in any grown address book
        columns["regions"] += [faker.administrative_unit() if n % 10 else None for n in range(PLACES)]
        columns["postal_codes"] += [faker.postcode() for _ in range(PLACES)]
    columns["brands"] += _brands(seed)
    return Pools(**{name: texts(values) for name, values in columns.items()})


def _brands(seed: int) -> list[str]:
    faker = Faker("en_US", providers=["faker.providers.company", "faker.providers.person"])
    faker.seed_instance(int(stream(seed, "brands").integers(2**32)))
    return [faker.company() for _ in range(BRANDS)]


def positions(rng: np.random.Generator, countries: Integers, per_country: int) -> Integers:
    """One position per row in a pool that holds `per_country` entries of each country."""
    return np.asarray(countries * per_country + (rng.random(len(countries)) * per_country).astype(np.int64))


def draw_addresses(pools: Pools, rng: np.random.Generator, countries: Integers) -> Rows:
    """Address columns, one row per country given."""
    streets = pools.streets[positions(rng, countries, STREETS)]
    houses = rng.integers(1, 200, len(countries))
    place = positions(rng, countries, PLACES)
    return {
        "street": texts([f"{street} {house}" for street, house in zip(streets, houses.tolist(), strict=True)]),
        "city": pools.cities[place],
        "region": pools.regions[place],
        "postal_code": pools.postal_codes[place],
    }


def _mailbox_name(name: str) -> str:
    """What is left of a name in an email address: lower-case ASCII letters, 'mail' if none."""
    folded = unicodedata.normalize("NFKD", name.casefold()).encode("ascii", "ignore").decode()
    return "".join(filter(str.isalpha, folded)) or "mail"
