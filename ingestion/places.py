"""What no day changes: stores (the web shop, the app and the marketplaces are stores too) and ways to pay."""

from typing import NamedTuple

import numpy as np
from faker import Faker

from ingestion.rows import DAY, Booleans, Integers, Rows, blank, texts
from ingestion.streams import choose, stream

ONLINE_STORES = {
    "Web shop": "online",
    "App": "app",
    "Marketplace North": "marketplace",
    "Marketplace South": "marketplace",
}
STORE_COUNTRIES = ("DE", "FR", "GB", "ES", "IT", "NL", "CZ", "PL")
YEARS_BEFORE_HISTORY = 6


class PaymentMethod(NamedTuple):
    """`online` and `till` weigh how often it is chosen there; `deferred` money arrives days after the order."""

    name: str
    type: str
    provider: str
    fee_percent: int  # in thousandths
    online: float
    till: float
    deferred: bool = False
    is_active: bool = True


PAYMENT_METHODS = (
    PaymentMethod("Visa", "card", "Visa", 1400, 24, 25),
    PaymentMethod("Mastercard", "card", "Mastercard", 1450, 17, 20),
    PaymentMethod("American Express", "card", "American Express", 2750, 3, 3),
    PaymentMethod("Debit card", "card", "girocard", 250, 2, 28),
    PaymentMethod("PayPal", "wallet", "PayPal", 2490, 25, 0),
    PaymentMethod("Apple Pay", "wallet", "Apple", 1500, 7, 7),
    PaymentMethod("Google Pay", "wallet", "Google", 1500, 5, 4),
    PaymentMethod("Bank transfer", "bank_transfer", "SEPA", 0, 6, 0, deferred=True),
    PaymentMethod("Invoice", "invoice", "Klarna", 2990, 9, 0, deferred=True),
    PaymentMethod("Cash on delivery", "cash", "DHL", 1900, 2, 0, deferred=True),
    PaymentMethod("Cash", "cash", "Till", 0, 0, 13),
    PaymentMethod("Gift voucher", "voucher", "Till", 0, 0, 0, is_active=False),
)
DEFERRED: Booleans = np.array([method.deferred for method in PAYMENT_METHODS])


def payment_method_rows(opening: int) -> Rows:
    """The ways to pay. `opening` is the number of the history's first day; they are older."""
    instants = np.full(len(PAYMENT_METHODS), (opening - YEARS_BEFORE_HISTORY * 365) * DAY)
    return {
        "payment_method_id": np.arange(len(PAYMENT_METHODS)) + 1,
        "payment_method_name": texts([method.name for method in PAYMENT_METHODS]),
        "payment_type": texts([method.type for method in PAYMENT_METHODS]),
        "provider": texts([method.provider for method in PAYMENT_METHODS]),
        "fee_percent": np.array([method.fee_percent for method in PAYMENT_METHODS]),
        "is_active": np.array([method.is_active for method in PAYMENT_METHODS]),
        "created_at": instants,
        "updated_at": instants,
    }


def store_rows(seed: int, count: int, opening: int) -> Rows:
    """`count` stores, the online ones first. `opening` is the number of the history's first day; they are older."""
    rng = stream(seed, "stores")
    ids = np.arange(count) + 1
    is_online = ids <= len(ONLINE_STORES)
    latitudes, longitudes, cities, codes, zones = (
        texts(list(column)) for column in zip(*_sites(seed, count), strict=True)
    )
    opened_on: Integers = opening - rng.integers(100, YEARS_BEFORE_HISTORY * 365, count)
    types = texts(["flagship", "city", "outlet"])[choose(rng, (0.15, 0.65, 0.20), count)]
    types[is_online] = list(ONLINE_STORES.values())
    names = texts([f"{city} {store}" for city, store in zip(cities, ids, strict=True)])
    names[is_online] = list(ONLINE_STORES)
    return {
        "store_id": ids,
        "store_name": names,
        "store_type": types,
        "city": cities,
        "region": blank(zones, is_online),
        "country_code": codes,
        "latitude": blank(latitudes.astype(np.float64), is_online),
        "longitude": blank(longitudes.astype(np.float64), is_online),
        "opened_on": opened_on,
        "is_active": np.ones(count, dtype=np.bool_),
        "created_at": opened_on * DAY,
        "updated_at": opened_on * DAY,
    }


def _sites(seed: int, count: int) -> list[tuple[str, ...]]:
    """Latitude, longitude, city, country code, time zone."""
    faker = Faker("en_US", providers=["faker.providers.geo"])
    faker.seed_instance(int(stream(seed, "sites").integers(2**32)))
    countries = (STORE_COUNTRIES[n % len(STORE_COUNTRIES)] for n in range(count))
    return [site for country in countries if (site := faker.local_latlng(country_code=country))]
