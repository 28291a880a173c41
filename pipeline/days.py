"""Days: the unit of every run. A day is a UTC calendar day, a `datetime.date`."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

from pipeline.errors import ConfigurationError


def parse_day(text: str) -> date:
    """The day written as `YYYY-MM-DD`.

    Raises:
        ConfigurationError: the text is not a day.
    """
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError:
        raise ConfigurationError(f"not a day: {text!r}", "Write days as YYYY-MM-DD, for example 2025-01-31.") from None


def yesterday(now: datetime | None = None) -> date:
    """The last complete UTC day at `now` (default: the clock)."""
    return ((now or datetime.now(UTC)).astimezone(UTC) - timedelta(days=1)).date()


def deadline(day: date, fresh_by: time) -> datetime:
    """The instant by which a day is to be published: at `fresh_by`, UTC, of the day after."""
    return datetime.combine(day + timedelta(days=1), fresh_by, UTC)


def days_between(first: date, last: date) -> Iterator[date]:
    """Every day from `first` to `last`, both inclusive; nothing when `last` is earlier."""
    for offset in range((last - first).days + 1):
        yield first + timedelta(days=offset)
