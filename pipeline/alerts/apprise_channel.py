"""Channels besides mail: Slack, Teams, PagerDuty, webhooks and a hundred more, each named by a URL of apprise's.

https://github.com/caronc/apprise/wiki lists them.
"""

import logging
import re
from collections import Counter
from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass, field
from typing import Any

from pipeline.alerts.alert import Alert, Severity
from pipeline.alerts.digest import OTHERS
from pipeline.alerts.smtp import Refusal
from pipeline.errors import ConfigurationError, TransientError

_REMEDY = "Look at TILLROLL_ALERT_URLS; https://github.com/caronc/apprise/wiki has the form for each service."
# Most services cut longer texts, or refuse them.
LONGEST_TEXT = 3_000
LONGEST_LIST = 1_000
_OVER = "success"
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
            title, body = f"[Tillroll] {alert.title}", short_text(alert)
            if all(
                plugin.notify(title=title, body=body, body_format="text", notify_type=kind)
                for plugin, kind in _events(self.plugin, alert)
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


def _events(plugin: Any, alert: Alert) -> Iterator[tuple[Any, str]]:
    """What the service hears of an alert, and of which kind: once, but where it has incidents, such as PagerDuty's.

    There, an incident is a message and all that goes on about it: opened once, and closed when nothing of it lasts.
    Events may come twice. Whoever names an incident in the URL has that one.
    """
    if getattr(plugin, "dedup", "it has none"):
        yield plugin, _kind(alert)
        return
    if not (alert.is_over and alert.ends):
        yield _of_incident(plugin, alert.follows or alert.key), _kind(alert)
    for key in alert.ends:
        yield _of_incident(plugin, key, action="map", request_rate_per_sec=0), _OVER  # no pauses between them


def _of_incident(plugin: Any, key: str, **how: object) -> Any:
    one = copy(plugin)
    for name, value in {"dedup": key, **how}.items():
        setattr(one, name, value)
    return one


def _kind(alert: Alert) -> str:
    """Apprise's word for how bad it is, which services show as a colour or hand on to whoever is on call."""
    return _OVER if alert.is_over else _KINDS[alert.severity]


def short_text(alert: Alert) -> str:
    """The facts, and the first two sections: what happened, and what to do; of a digest, also what the others are."""
    facts = "\n".join(f"{name}: {value}" for name, value in alert.shown_facts)
    sections = "\n\n".join(f"{title}\n{text}" for title, text in alert.sections[:2])
    others = "".join(
        f"\n\n{title}\n{_cut(text, LONGEST_LIST)}" for title, text in alert.sections[2:] if title == OTHERS
    )
    return _cut(f"{facts}\n\n{sections}", LONGEST_TEXT - len(others)) + others


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[:longest] + " […]"
