"""Who is there and who is drawn: customers or products in order of arrival, of whom a few get most of the traffic."""

import numpy as np

from ingestion.rows import DAY, Integers
from ingestion.seasons import Calendar, Weights
from ingestion.streams import chance


def arrivals(rng: np.random.Generator, calendar: Calendar, kind: str, established: int, years: float) -> Integers:
    """Instants, ascending, at which members arrive: `established` of them within `years` before the history.

    The result for a later last day begins with the result for an earlier one: ids, which count arrivals, never change.
    """
    opening = calendar.start * DAY
    before = opening - 1 - (rng.random(established) ** 1.4 * years * 365 * DAY).astype(np.int64)
    days = np.repeat(np.arange(calendar.start, calendar.last_day + 1), calendar.daily(kind))
    since = days * DAY + (rng.random(len(days)) * DAY).astype(np.int64)
    return np.concatenate([np.sort(before), np.sort(since)])


def zipf(size: int, exponent: float, head: float) -> Weights:
    """Weights by rank, after Zipf and Mandelbrot; the larger `head`, the less the first few stand out."""
    return np.asarray((np.arange(size) + head) ** -exponent)


class Members:
    """Members numbered 1, 2, … by arrival.

    The `established`, those from before the history, are drawn by the `weights` of their rank; `ranking` has their
    positions, most popular first. `newcomer_share` of the draws falls evenly on those who arrived since.
    """

    def __init__(
        self, instants: Integers, established: int, ranking: Integers, weights: Weights, newcomer_share: float
    ) -> None:
        self.instants = instants
        self._established = established
        self._ranking = ranking
        self._cumulative = np.cumsum(weights)
        self._newcomer_share = newcomer_share

    def __len__(self) -> int:
        return len(self.instants)

    def known_at(self, instants: Integers) -> Integers:
        """How many had arrived before each instant."""
        return np.searchsorted(self.instants, instants, side="left").astype(np.int64)

    def arrived_by(self, day: int) -> int:
        """How many had arrived by the end of the day."""
        return int(np.searchsorted(self.instants, (day + 1) * DAY, side="left"))

    def draw(self, rng: np.random.Generator, instants: Integers) -> Integers:
        """One id per instant, of a member who had arrived by then. Instants lie within or after the history."""
        size = len(instants)
        ranks = np.searchsorted(self._cumulative[:-1], rng.random(size) * self._cumulative[-1], side="right")
        newcomers = self.known_at(instants) - self._established
        newcomer = self._established + (rng.random(size) * newcomers).astype(np.int64)
        is_newcomer = chance(rng, self._newcomer_share, size) & (newcomers > 0)
        return np.asarray(np.where(is_newcomer, newcomer, self._ranking[ranks]) + 1)

    def sample(self, rng: np.random.Generator, day: int, share: float) -> Integers:
        """Ids of about `share` of those who had arrived before the day, each at most once, ascending."""
        present = self.arrived_by(day - 1)
        size = min(int(rng.poisson(share * present)), present)
        return np.sort(rng.choice(present, size, replace=False).astype(np.int64)) + 1
