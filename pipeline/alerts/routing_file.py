"""Read config/alerts.yml, and say what is wrong with it. What is wrong there must not cost an alert."""

import logging
from collections.abc import Collection
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from pipeline.alerts.routing import Routing
from pipeline.alerts.routing_rules import Rules
from pipeline.errors import ConfigurationError
from pipeline.settings import Settings
from pipeline.yaml_text import parse_yaml

logger = logging.getLogger(__name__)

_REMEDY = (
    "The comments in config/alerts.yml say how it is written. Until it is repaired, TILLROLL_ALERT_TO hears of all."
)


def load_routing(settings: Settings, channels: Collection[str]) -> Routing:
    """The routing that the file says. `channels` are those there are.

    Raises:
        ConfigurationError: the file cannot be read, or a rule in it makes no sense; the text names file and rule.
    """
    path = settings.alerts_path
    rules = _rules(path)
    for route in rules.routes:
        for channel in route.channels:
            if channel not in channels:
                raise ConfigurationError(
                    f"{path}: route {route.name!r}: there is no channel {channel!r}",
                    f"TILLROLL_ALERT_URLS and mail make these: {', '.join(channels)}. {_REMEDY}",
                )
    return Routing(tuple(channels), rules, settings.alert_to)


def usable_routing(settings: Settings, channels: Collection[str]) -> Routing:
    """The same; where the file is wrong, everything goes to all channels at once."""
    try:
        return load_routing(settings, channels)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with the file, it must not cost an alert
        logger.error("everything goes to everybody: %s", error)
        return Routing.to(channels)


def _rules(path: Path) -> Rules:
    try:
        content = parse_yaml(path.read_text(encoding="utf-8"))
        return Rules.model_validate({} if content is None else content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise ConfigurationError(f"{path}: {_place(content, first['loc'])}{first['msg']}", _REMEDY) from error
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise ConfigurationError(f"cannot read the rules on alerts in {path}: {error}", _REMEDY) from error


def _place(content: Any, where: tuple[int | str, ...]) -> str:
    """Where that is, for people: `routes, number 2 (finance), to: `."""
    said = []
    for step in where:
        try:
            content = content[step]
        except (LookupError, TypeError):
            content = None
        name = content.get("name") if isinstance(content, dict) else None
        number = f"number {step + 1}" if isinstance(step, int) else step
        said.append(f"{number} ({name})" if name else number)
    return ", ".join(said) + ": " if said else ""
