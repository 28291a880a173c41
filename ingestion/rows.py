"""Rows as columns: a table's new rows are a dict of NumPy arrays, so that a day is drawn and written in bulk.

Units: instants are microseconds since 1970-01-01 UTC, days are whole days since then, money is cents; all int64. Text
is an object array, in which None is NULL; other columns that may be NULL are masked arrays.
"""

from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]
Texts = npt.NDArray[np.object_]
Column = npt.NDArray[Any]
Rows = dict[str, Column]

DAY = 86_400_000_000
HOUR = DAY // 24
MINUTE = HOUR // 60
SECOND = MINUTE // 60

_EPOCH = date(1970, 1, 1).toordinal()


def day_number(day: date) -> int:
    """Whole days from 1970-01-01 to `day`."""
    return day.toordinal() - _EPOCH


def day_of(number: int) -> date:
    """The day with this number."""
    return date.fromordinal(number + _EPOCH)


def texts(values: list[str] | list[str | None]) -> Texts:
    """A text column (plain np.array would make fixed-width strings)."""
    return np.array(values, dtype=object)


def blank(values: Column, null: Booleans) -> Column:
    """The column with NULL where `null` is true."""
    if values.dtype == object:
        kept: Texts = values.copy()
        kept[null] = None
        return kept
    return np.ma.masked_array(values, mask=null)


def joined(columns: list[Column]) -> Column:
    """One column after the other."""
    is_masked = any(isinstance(column, np.ma.MaskedArray) for column in columns)
    if is_masked:
        return np.asanyarray(np.ma.concatenate(columns))  # type: ignore[no-untyped-call]
    return np.concatenate(columns)


def length(rows: Rows) -> int:
    """How many rows there are."""
    return len(next(iter(rows.values())))
