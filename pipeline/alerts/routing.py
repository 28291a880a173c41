"""Routing: how bad an alert is, who hears of it, and when.

It is decided once, when the alert is recorded, and the outbox keeps what was decided: whoever sends it later, and
whatever the rules say by then, it goes where it was meant to go.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from pipeline.alerts.alert import Alert
from pipeline.alerts.channel_names import MAIL, mail_for
from pipeline.alerts.routing_rules import Route, Rules
from pipeline.errors import ConfigurationError

# Whatever hours are quiet, no alert waits for longer than this.
LONGEST_QUIET = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Way:
    """An alert's way to one channel, and the route it is on; `route` is empty where none took it."""

    route: str
    channel: str


@dataclass(frozen=True, slots=True)
class Routing:
    """The rules, and the channels of what no route takes. `recipients` are those that the channel `mail` reaches."""

    default: tuple[str, ...]
    rules: Rules = field(default_factory=Rules)
    recipients: tuple[str, ...] = ()

    @classmethod
    def to(cls, channels: Iterable[str]) -> "Routing":
        """Everything, at once, to all of these channels."""
        return cls(tuple(channels))

    def judged(self, alert: Alert) -> Alert:
        """The alert, as bad as the first rule says that fits it."""
        fitting = (rule.severity for rule in self.rules.severities if rule.fits(alert))
        return replace(alert, severity=next(fitting, alert.severity))

    def ways(self, alert: Alert) -> tuple[Way, ...]:
        """Where an alert that is `judged` goes: to each channel once, and to each address."""
        taken: list[Route] = []
        for route in self.rules.routes:
            if route.fits(alert):
                taken.append(route)
                if not route.also:
                    return self._ways(taken)
        return self._ways(taken, default=True)

    def every_way(self) -> tuple[Way, ...]:
        """All the ways that an alert may go."""
        return self._ways(self.rules.routes, default=True)

    def ways_of(self, name: str) -> tuple[Way, ...]:
        """The ways of the route that is called so. Raises ConfigurationError: none is."""
        if found := [route for route in self.rules.routes if route.name == name]:
            return self._ways(found)
        names = ", ".join(route.name for route in self.rules.routes) or "none"
        raise ConfigurationError(f"no route is called {name!r}", f"These are: {names}. TILLROLL_ALERTS names the file.")

    def quiet_until(self, alert: Alert, now: datetime) -> datetime | None:
        """When the hours end in which an alert that is `judged` waits; None where it goes at once."""
        until = now
        while ends := [end for hours in self.rules.quiet_hours if hours.fits(alert) and (end := hours.until(until))]:
            until = max(ends)
            if until - now > LONGEST_QUIET:
                return None
        return until if until > now else None

    def _ways(self, taken: Iterable[Route], *, default: bool = False) -> tuple[Way, ...]:
        routes: list[tuple[str, tuple[str, ...], tuple[str, ...]]] = [("", self.default, ())] if default else []
        routes += [(route.name, route.channels, route.to) for route in taken]
        found: dict[str, Way] = {}
        mailed = set(self.recipients) if any(MAIL in channels for _, channels, _ in routes) else set()
        for name, channels, addresses in routes:
            others = [address for address in dict.fromkeys(addresses) if address not in mailed]
            mailed.update(others)
            for channel in (*channels, *([mail_for(others)] if others else [])):
                found.setdefault(channel, Way(name, channel))
        return tuple(found.values())
