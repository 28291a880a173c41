"""Channels: the ways to people. Mail is the one there always is."""

import logging
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Protocol

from pipeline.alerts.alert import Alert
from pipeline.alerts.channel_names import MAIL, recipients_in
from pipeline.alerts.mail import compose
from pipeline.alerts.masking import mask, secrets_of
from pipeline.alerts.smtp import Refusal, send
from pipeline.embedded.urls import smtp_url
from pipeline.errors import ConfigurationError, TillrollError
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

    def send(self, alert: Alert) -> Collection[Refusal]:
        """Hand the alert over, within seconds. Returns those people who were not reached, where others were.

        Raises:
            RecipientsRefusedError: it will never be taken.
            TillrollError: it was not taken.
        """


@dataclass(frozen=True, slots=True)
class Mail:
    """Mail to the addresses in its name, or to TILLROLL_ALERT_TO, through TILLROLL_SMTP_URL or the local inbox."""

    settings: Settings
    name: str = MAIL

    @property
    def recipients(self) -> tuple[str, ...]:
        return recipients_in(self.name) or self.settings.alert_to

    @property
    def reaches(self) -> str:
        return ", ".join(self.recipients)

    def send(self, alert: Alert) -> Collection[Refusal]:
        return send(compose(alert, self.settings.alert_from, self.recipients), smtp_url(self.settings))


class Channels(dict[str, Channel]):
    """The channels that the settings name, by name. Asked for a route's mail, it makes it."""

    def __init__(self, settings: Settings, channels: Iterable[Channel]) -> None:
        super().__init__({channel.name: channel for channel in channels})
        self._settings = settings

    def masked(self, text: str) -> str:
        """What a channel said, without the tokens and passwords in the settings: servers repeat what they were sent."""
        return mask(text, secrets_of(self._settings))

    def __missing__(self, name: str) -> Channel:
        if recipients_in(name):
            return Mail(self._settings, name)
        raise TillrollError(f"there is no channel {name!r} any more", "Name it in the settings again.")


def channels_of(settings: Settings) -> Channels:
    """The channels that the settings name. Raises ConfigurationError: TILLROLL_ALERT_URLS has none such."""
    channels: list[Channel] = [Mail(settings)]
    if settings.alert_urls:
        from pipeline.alerts.apprise_channel import apprise_channels

        channels += apprise_channels(settings.alert_urls.get_secret_value())
    return Channels(settings, channels)


def usable_channels(settings: Settings) -> Channels:
    """The same; where TILLROLL_ALERT_URLS is wrong, mail alone: a mistake there must not cost every alert."""
    try:
        return channels_of(settings)
    except ConfigurationError as error:
        logger.error("only mail is sent: %s", error)
        return channels_of(settings.model_copy(update={"alert_urls": None}))
