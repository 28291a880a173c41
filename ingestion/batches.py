"""Batches: what arrives together. Every batch has ids of its own, so that no day collides with another."""

from dataclasses import dataclass

import numpy as np

from ingestion.errors import ShopError
from ingestion.rows import Integers, day_of

LATEST_DAYS = 2  # a batch may hold rows created up to so many days before its own
_BATCHES_PER_DAY = 100
_IDS_PER_BATCH = 10_000_000


@dataclass(frozen=True, slots=True)
class BatchKey:
    """A day's own batch (number 0), or the n-th extra one of that day, with the number of orders asked for."""

    day: int
    number: int = 0
    orders: int | None = None


def numbered(key: BatchKey, size: int) -> Integers:
    """`size` ids that no other batch has: YYMMDD, two digits of batch, seven digits counting from 1.

    Raises:
        ShopError: the day, the batch or the rows do not fit into their digits.
    """
    day = day_of(key.day)
    if not 2000 <= day.year <= 2099 or key.number >= _BATCHES_PER_DAY or size >= _IDS_PER_BATCH:
        raise ShopError(
            f"no ids for batch {key.number} of {day} with {size} rows",
            f"Days lie in 2000-2099, with fewer than {_BATCHES_PER_DAY} extra batches of {_IDS_PER_BATCH} rows each.",
        )
    first = (int(day.strftime("%y%m%d")) * _BATCHES_PER_DAY + key.number) * _IDS_PER_BATCH
    return np.arange(first + 1, first + size + 1)
