"""The rules of config/alerts.yml: how bad an alert is, who hears of it, and when it waits until people are awake."""

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from pipeline.alerts.alert import Alert, Severity
from pipeline.alerts.quiet_hours import Hours


def _listed(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _address(text: str) -> str:
    if not re.fullmatch(r"[^\s,;:<>@]+@[^\s,;:<>@]+", text):
        raise PydanticCustomError("address", "it is no mail address, such as anna@example.org")
    return text


def _channel(text: str) -> str:
    """A URL is not shown: it holds a token."""
    if not re.fullmatch(r"[a-z][a-z0-9+.-]*", text):
        raise PydanticCustomError("channel", "it is no channel's name, such as slack; URLs are for TILLROLL_ALERT_URLS")
    return text


_Texts = Annotated[tuple[str, ...], BeforeValidator(_listed)]
_Addresses = Annotated[tuple[Annotated[str, AfterValidator(_address)], ...], BeforeValidator(_listed)]
_Channels = Annotated[tuple[Annotated[str, AfterValidator(_channel)], ...], BeforeValidator(_listed)]


class Match(BaseModel):
    """The alerts that a rule is for: those of which all is true that it names, and of a list one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dag: _Texts = ()
    tag: _Texts = ()
    topic: _Texts = ()

    def fits(self, alert: Alert) -> bool:
        """Whether it is one of them. An alert that is about no DAG fits no pattern for DAGs."""
        return (
            (not self.dag or _is_like(alert.dag, self.dag))
            and (not self.tag or any(_is_like(tag, self.tag) for tag in alert.tags))
            and (not self.topic or _is_like(alert.topic, self.topic))
        )


class SeverityRule(Match):
    """How bad these alerts are, whatever whoever raised them thought."""

    severity: Severity


class Route(Match):
    """Who hears of these alerts instead of everybody else, or, with `also`, besides them."""

    name: Annotated[str, Field(min_length=1)]
    at_least: Severity = "info"
    to: _Addresses = ()
    channels: _Channels = ()
    also: bool = False

    @model_validator(mode="after")
    def _lead_somewhere(self) -> Self:
        if not self.to and not self.channels:
            raise PydanticCustomError("route", "it leads to nobody: it has neither `to` nor `channels`")
        return self

    def fits(self, alert: Alert) -> bool:
        return alert.is_as_bad_as(self.at_least) and Match.fits(self, alert)


class QuietHours(Match, Hours):
    """When these alerts wait, but for those as bad as `at_once`."""

    at_once: Severity = "critical"

    def fits(self, alert: Alert) -> bool:
        return not alert.is_as_bad_as(self.at_once) and Match.fits(self, alert)


class Rules(BaseModel):
    """All of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    severities: tuple[SeverityRule, ...] = ()
    routes: tuple[Route, ...] = ()
    quiet_hours: tuple[QuietHours, ...] = ()

    @model_validator(mode="after")
    def _names_of_their_own(self) -> Self:
        names = [route.name for route in self.routes]
        for name in names:
            if names.count(name) > 1:
                raise PydanticCustomError("routes", "two routes are called '{name}'", {"name": name})
        return self


def _is_like(text: str, patterns: Iterable[str]) -> bool:
    return text != "" and any(fnmatchcase(text, pattern) for pattern in patterns)
