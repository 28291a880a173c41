"""What the dashboard asks of published marts, wherever they are, and what it gets."""

from dataclasses import dataclass
from typing import Any, Protocol

from dashboard.queries import Dialect, Query
from pipeline.errors import TransientError


class RepublishedError(TransientError):
    """The marts are of another version now; ask again, for that one."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The rows of a query. Instants have no zone and are UTC's."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]

    def records(self) -> list[dict[str, Any]]:
        """The rows as dictionaries."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


class Marts(Protocol):
    """Published marts."""

    @property
    def dialect(self) -> Dialect:
        """How queries are written for them."""

    def version(self) -> str | None:
        """What is published now; None where nothing is."""

    def read(self, query: Query, version: str) -> Answer:
        """The answer of this version.

        Raises:
            RepublishedError: there is another by now.
            StepError: it cannot be read.
        """
