"""Progress: how a step tells whoever watches how far it is. A step knows stages and counts, and nothing of screens."""

from typing import Protocol


class Progress(Protocol):
    """Takes news of a step, from any thread."""

    def __call__(self, stage: str, done: int, total: int) -> None:
        """`done` of `total` units of `stage` are complete; a stage may start with 0 and ends with `done == total`."""


def silent(stage: str, done: int, total: int) -> None:
    """Nobody watches."""


class Counter:
    """Counts one stage's units up."""

    def __init__(self, progress: Progress, stage: str, total: int) -> None:
        self._progress, self._stage, self._total = progress, stage, total
        self._done = 0
        progress(stage, 0, total)

    def advance(self) -> None:
        """One more unit is complete."""
        self._done += 1
        self._progress(self._stage, self._done, self._total)
