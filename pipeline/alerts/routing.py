"""Routing: who hears of an alert.

It is decided once, when the alert is recorded, and the outbox keeps what was decided: whoever sends it later, and
whatever the settings say by then, it goes where it was meant to go.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.alerts.alert import Alert


@dataclass(frozen=True, slots=True)
class Routing:
    """The channels that an alert is delivered to. `default` names those for whatever nobody chose others for."""

    default: tuple[str, ...]

    @classmethod
    def to(cls, channels: Iterable[str]) -> "Routing":
        """Everything, to all of these channels."""
        return cls(tuple(channels))

    def channels(self, alert: Alert) -> tuple[str, ...]:
        """Where this alert goes."""
        return self.default
