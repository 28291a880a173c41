"""How many rows a day brings: trend, season, weekday and a little noise; the history's totals are met exactly."""

import numpy as np
import numpy.typing as npt

from ingestion.config import IngestionConfig
from ingestion.rows import Integers
from ingestion.streams import stream

Weights = npt.NDArray[np.float64]

# Monday to Sunday.
WEEKDAYS = np.array([1.04, 0.96, 0.95, 0.98, 1.06, 1.10, 0.91])
# (day of the year, height, width in days): new year's sale, summer lull, Black Friday, Christmas.
PEAKS = ((6, 0.15, 6), (215, -0.14, 25), (331, 0.55, 4), (346, 0.60, 11))
_MONDAY = 4  # the number of the first Monday, 1970-01-05


def demand(days: Integers, first_day: int, yearly_growth: float) -> Weights:
    """Relative demand of each day (numbers); about 1 on an ordinary day at `first_day`."""
    trend = (1 + yearly_growth) ** ((days - first_day) / 365.25)
    return np.asarray(trend * season(days) * WEEKDAYS[(days - _MONDAY) % 7])


def season(days: Integers) -> Weights:
    """The yearly season: 1 on an ordinary day."""
    dates = days.astype("datetime64[D]")
    day_of_year = (dates - dates.astype("datetime64[Y]")).astype(np.int64) + 1
    lift = np.ones(len(days))
    for center, height, width in PEAKS:
        distance = np.abs(day_of_year - center)
        lift += height * np.exp(-((np.minimum(distance, 365 - distance) / width) ** 2))
    return lift


def apportion(shares: Weights, total: int) -> Integers:
    """Whole numbers in proportion to `shares` that add up to `total` (largest remainders)."""
    exact = shares * (total / shares.sum())
    counts: Integers = np.floor(exact).astype(np.int64)
    missing = total - int(counts.sum())
    counts[np.argsort(counts - exact, kind="stable")[:missing]] += 1
    return counts


class Calendar:
    """How many of each kind arrive on each day, for one configuration and first day.

    Kinds are any names; their totals over the history are `totals`.
    """

    def __init__(self, config: IngestionConfig, first_day: int, last_day: int, totals: dict[str, int]) -> None:
        self.start = first_day - config.history_days + 1
        self.first_day = first_day
        self.last_day = max(first_day, last_day)
        self._counts = {kind: self._count(config, kind, total) for kind, total in totals.items()}

    def _count(self, config: IngestionConfig, kind: str, total: int) -> Integers:
        days = np.arange(self.start, self.last_day + 1)
        noise = stream(config.seed, f"demand of {kind}").standard_normal(len(days)) * config.demand.noise
        weights = demand(days, self.first_day, config.demand.yearly_growth) * np.exp(noise)
        history = weights[: config.history_days]
        counts: Integers = np.rint(weights * (total / history.sum())).astype(np.int64)
        counts[: config.history_days] = apportion(history, total)
        return counts

    def daily(self, kind: str) -> Integers:
        """Counts of the days from `start` to `last_day`."""
        return self._counts[kind]

    def on(self, kind: str, day: int) -> int:
        """The count of one day."""
        return int(self._counts[kind][day - self.start])
