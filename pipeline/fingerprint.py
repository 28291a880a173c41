"""Fingerprints: what two systems must agree on before a partition is published.

A partition's fingerprint is `(rows, checksum)`: the checksum is the sum, over its rows, of the first 60 bits of the MD5
of the row's canonical text. A sum is free of order, feels a doubled row, and is exact in every engine. It is computed
independently in PostgreSQL over the live rows and in the warehouse over the typed, loaded columns.
"""

from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

# A row's canonical text: its columns' canonical texts in the catalog's order, joined by SEPARATOR. Only TEXT can hold
# the separator, and TEXT is preceded by its length: so two different rows never have the same text.
SEPARATOR = "|"
NULL = "~"
HASH_HEX_DIGITS = 15


class Partition(NamedTuple):
    """The unit of comparison and of publishing: a table's UTC day, or a whole table (`day` is None)."""

    table: str
    day: date | None = None

    @property
    def label(self) -> str:
        """`transaction 2025-01-01` or `customer (whole)`, for people."""
        return f"{self.table} {self.day.isoformat() if self.day else '(whole)'}"


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """`rows` ≥ 0; `checksum` the exact sum of 60-bit integers."""

    rows: int
    checksum: int

    def __str__(self) -> str:
        return f"{self.rows} rows, checksum {self.checksum:x}"


EMPTY = Fingerprint(0, 0)
