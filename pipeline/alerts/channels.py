"""Channels: the ways to people. Mail is the one there always is."""

import logging
from dataclasses import dataclass
from typing import Protocol

from pipeline.alerts.alert import Alert
from pipeline.alerts.mail import compose
from pipeline.alerts.smtp import send
from pipeline.embedded.urls import smtp_url
from pipeline.errors import ConfigurationError
from pipeline.settings import Settings

logger = logging.getLogger(__name__)


class Channel(Protocol):
    """One way to people."""

    @property
    def name(self) -> str:
        """What the outbox calls it."""

    @property
    def reaches(self) -> str:
        """Who is reached, for people."""

    def send(self, alert: Alert) -> None:
        """Hand the alert over, within seconds.

        Raises:
            TillrollError: it was not taken.
        """


@dataclass(frozen=True, slots=True)
class Mail:
    """Mail to everybody in TILLROLL_ALERT_TO, through TILLROLL_SMTP_URL or the local inbox."""

    settings: Settings
    name: str = "mail"

    @property
    def reaches(self) -> str:
        return ", ".join(self.settings.alert_to)

    def send(self, alert: Alert) -> None:
        send(compose(alert, self.settings.alert_from, self.settings.alert_to), smtp_url(self.settings))


def channels_of(settings: Settings) -> dict[str, Channel]:
    """The channels that the settings name, by name. Raises ConfigurationError: TILLROLL_ALERT_URLS has none such."""
    channels: list[Channel] = [Mail(settings)]
    if settings.alert_urls:
        from pipeline.alerts.apprise_channel import apprise_channels

        channels += apprise_channels(settings.alert_urls.get_secret_value())
    return {channel.name: channel for channel in channels}


def usable_channels(settings: Settings) -> dict[str, Channel]:
    """The same; where TILLROLL_ALERT_URLS is wrong, mail alone: a mistake there must not cost every alert."""
    try:
        return channels_of(settings)
    except ConfigurationError as error:
        logger.error("only mail is sent: %s", error)
        return channels_of(settings.model_copy(update={"alert_urls": None}))
