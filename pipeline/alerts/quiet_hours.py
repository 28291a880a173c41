"""Quiet hours: from when until when people are left alone, on the clock where they live."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Literal, Self, get_args
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = get_args(Day)
_ONE_DAY = timedelta(days=1)


def _without_quotes(value: object) -> object:
    """YAML takes 22:00 without quotes for the number 22 * 60 + 0."""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value // 60:02}:{value % 60:02}" if value >= 60 else str(value)
    return value


_Clock = Annotated[time, BeforeValidator(_without_quotes)]


class Hours(BaseModel):
    """Hours of a day. They end on the next day where `to` is not after `from`; `days` are those they begin on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    begin: Annotated[_Clock, Field(alias="from")]
    end: Annotated[_Clock, Field(alias="to")]
    timezone: ZoneInfo = ZoneInfo("UTC")
    days: Annotated[tuple[Day, ...], Field(min_length=1)] = DAYS

    @model_validator(mode="after")
    def _end(self) -> Self:
        if self.begin == self.end and set(self.days) == set(DAYS):
            raise PydanticCustomError("hours", "they never end: all hours of every day")
        return self

    def until(self, moment: datetime) -> datetime | None:
        """When they end, in UTC; None where `moment` is not within them."""
        today = moment.astimezone(self.timezone).date()
        for day in (today - _ONE_DAY, today):
            begin = self._moment(day, self.begin)
            end = self._moment(day if self.end > self.begin else day + _ONE_DAY, self.end)
            if DAYS[day.weekday()] in self.days and begin <= moment < end:
                return end
        return None

    def _moment(self, day: date, clock: time) -> datetime:
        return datetime.combine(day, clock, self.timezone).astimezone(UTC)
