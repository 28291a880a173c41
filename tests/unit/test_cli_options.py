"""Days on the command line."""

from datetime import date

import pytest

from pipeline.cli.options import chosen_days
from pipeline.days import yesterday
from pipeline.errors import ConfigurationError


def test_the_default_is_yesterday() -> None:
    assert chosen_days(None, None, None) == [yesterday()]


def test_a_range_is_inclusive() -> None:
    assert chosen_days(None, "2025-02-27", "2025-03-01") == [date(2025, 2, 27), date(2025, 2, 28), date(2025, 3, 1)]


@pytest.mark.parametrize(
    ("day", "first", "last", "named"),
    [
        ("2025-01-01", "2025-01-01", "2025-01-02", "either --day"),
        (None, "2025-01-01", None, "either --day"),
        (None, "2025-01-02", "2025-01-01", "is after"),
        ("2999-01-01", None, None, "in the future"),
        ("1.1.2025", None, None, "not a day"),
        ("2025-02-30", None, None, "not a day"),
    ],
)
def test_anything_else_is_refused(day: str | None, first: str | None, last: str | None, named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        chosen_days(day, first, last)
