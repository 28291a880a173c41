"""Options that several commands share."""

from datetime import UTC, date, datetime
from typing import Annotated

import typer

from pipeline.days import days_between, parse_day, yesterday
from pipeline.errors import ConfigurationError

Day = Annotated[str | None, typer.Option("--day", metavar="YYYY-MM-DD", help="The UTC day. Default: yesterday.")]
From = Annotated[str | None, typer.Option("--from", metavar="YYYY-MM-DD", help="First of several days.")]
To = Annotated[str | None, typer.Option("--to", metavar="YYYY-MM-DD", help="Last of several days, inclusive.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]

AcceptVanishing = Annotated[
    bool, typer.Option("--accept-vanishing", help="The source is right, however many published rows are gone there.")
]


def chosen_days(day: str | None, first: str | None, last: str | None) -> list[date]:
    """The days a command is to work on, in order.

    Raises:
        ConfigurationError: both forms are used, half of a range is missing, it is backwards, or ends in the future.
    """
    if first is None and last is None:
        first = last = day or yesterday().isoformat()
    elif day or first is None or last is None:
        raise ConfigurationError("give either --day, or --from and --to", "See `tillroll COMMAND --help`.")
    days = list(days_between(parse_day(first), parse_day(last)))
    if not days:
        raise ConfigurationError(f"--from {first} is after --to {last}", "Swap them.")
    if days[-1] > datetime.now(UTC).date():
        raise ConfigurationError(f"{days[-1]} is in the future (UTC)", "Choose a day that has begun.")
    return days
