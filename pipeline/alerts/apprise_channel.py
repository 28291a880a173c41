"""Channels besides mail: Slack, Teams, PagerDuty, webhooks and a hundred more, each named by a URL of apprise's.

https://github.com/caronc/apprise/wiki lists them.
"""

import logging
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pipeline.alerts.alert import Alert, Severity
from pipeline.alerts.smtp import Refusal
from pipeline.errors import ConfigurationError, TransientError

_REMEDY = "Look at TILLROLL_ALERT_URLS; https://github.com/caronc/apprise/wiki has the form for each service."
# Most services cut longer texts, or refuse them.
LONGEST_TEXT = 3_000
_KINDS: dict[Severity, str] = {"critical": "failure", "error": "failure", "warning": "warning", "info": "info"}


@dataclass(frozen=True, slots=True)
class AppriseChannel:
    """One service. `name` is its URL's scheme, with a number where several have the same."""

    name: str
    plugin: Any = field(repr=False)

    @property
    def reaches(self) -> str:
        return str(self.plugin.url(privacy=True))

    def send(self, alert: Alert) -> tuple[Refusal, ...]:
        """Hand the alert over. Raises TransientError: the service did not take it."""
        with _apprise().LogCapture(level=logging.WARNING) as said:
            if self.plugin.notify(
                title=f"[Tillroll] {alert.title}", body=short_text(alert), body_format="text", notify_type=_kind(alert)
            ):
                return ()
            reason = " ".join(said.getvalue().split()) or "it gave no reason"
        raise TransientError(f"{self.name} did not take it: {reason}", _REMEDY)


def apprise_channels(urls: str) -> Iterator[AppriseChannel]:
    """A channel for each URL; URLs are separated by white space.

    Raises:
        ConfigurationError: apprise does not know what a URL means. The text shows no more of it than its scheme.
    """
    apprise = _apprise()
    seen: Counter[str] = Counter()
    for number, url in enumerate(urls.split(), 1):
        scheme = _scheme(url)
        plugin = apprise.Apprise.instantiate(url, suppress_exceptions=True)
        if plugin is None:
            begins = f"that begins with {scheme!r}" if scheme else f"that begins with no scheme: it is the {number}."
            raise ConfigurationError(f"no channel is meant by an alert URL {begins}", _REMEDY)
        seen[scheme] += 1
        yield AppriseChannel(scheme if seen[scheme] == 1 else f"{scheme}-{seen[scheme]}", plugin)


def _apprise() -> Any:
    """The library, its own log kept from every other: it names URLs that it does not understand, tokens and all."""
    import apprise  # half a second, which few installations need

    if apprise.logger.propagate:
        apprise.logger.propagate = False
        apprise.logger.addHandler(logging.NullHandler())
    return apprise


def _scheme(url: str) -> str:
    """What a URL begins with; empty where `://` is mistyped, and all of it may be a token."""
    found = re.match(r"([a-z][a-z0-9+.-]*)://", url, re.IGNORECASE)
    return found[1].lower() if found else ""


def _kind(alert: Alert) -> str:
    """Apprise's word for how bad it is, which services show as a colour or hand on to whoever is on call."""
    return "success" if alert.is_over else _KINDS[alert.severity]


def short_text(alert: Alert) -> str:
    """The facts, and the first two sections: what happened, and what to do."""
    facts = "\n".join(f"{name}: {value}" for name, value in alert.shown_facts)
    sections = "\n\n".join(f"{title}\n{text}" for title, text in alert.sections[:2])
    text = f"{facts}\n\n{sections}"
    return text if len(text) <= LONGEST_TEXT else text[:LONGEST_TEXT] + " […]"
