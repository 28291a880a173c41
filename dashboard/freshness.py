"""Which scheduled days should be published by now and are not, by the last published one and the clock alone.

So it is known where no Airflow answers, too. Of days that are missing before the last one, the sentinel tells.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from pipeline.days import deadline
from pipeline.embedded.airflow_environment import known_schedule_from
from pipeline.settings import Settings

ONE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Overdue:
    """The days from `first` to `last`, both included: each was to be published by `fresh_by` of the day after."""

    first: date
    last: date
    fresh_by: time

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1


def overdue(settings: Settings, last_published: date, now: datetime) -> Overdue | None:
    """The scheduled days after the last published one whose deadline has passed; None where there is none."""
    schedule_from = known_schedule_from(settings)
    if settings.fresh_by is None or schedule_from is None:
        return None
    first = max(last_published + ONE, schedule_from)
    last = now.date() - ONE
    if now < deadline(last, settings.fresh_by):
        last -= ONE
    return Overdue(first, last, settings.fresh_by) if first <= last else None
