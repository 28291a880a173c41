"""Random numbers: every purpose and day has a stream of its own, so no row depends on which other rows were drawn."""

import zlib
from collections.abc import Sequence

import numpy as np

from ingestion.rows import DAY, HOUR, Booleans, Integers

# Visits per hour of the day, UTC.
ONLINE_HOURS = (9, 6, 4, 3, 3, 5, 11, 20, 28, 33, 36, 38, 42, 40, 37, 36, 38, 44, 54, 66, 72, 62, 40, 20)
TILL_HOURS = (0, 0, 0, 0, 0, 0, 0, 3, 18, 34, 46, 52, 50, 45, 44, 50, 62, 68, 52, 22, 4, 0, 0, 0)


def stream(seed: int, purpose: str, *numbers: int) -> np.random.Generator:
    """The generator for one purpose; `numbers` (a day, a batch) are ≥ 0."""
    return np.random.default_rng([seed, zlib.crc32(purpose.encode()), *numbers])


def choose(rng: np.random.Generator, weights: Sequence[float], size: int) -> Integers:
    """`size` positions in `weights`, each as likely as its weight."""
    cumulative = np.cumsum(np.asarray(weights, dtype=np.float64))
    draws = rng.random(size) * cumulative[-1]
    return np.asarray(np.searchsorted(cumulative[:-1], draws, side="right"), dtype=np.int64)


def chance(rng: np.random.Generator, share: float, size: int) -> Booleans:
    """`size` booleans, true with this share."""
    return np.asarray(rng.random(size) < share)


def times_of_day(rng: np.random.Generator, hours: Sequence[float], size: int) -> Integers:
    """`size` microseconds since midnight that follow a profile of 24 weights."""
    times = choose(rng, hours, size) * HOUR + (rng.random(size) * HOUR).astype(np.int64)
    return np.minimum(times, DAY - 1)
