"""Does the sentinel live? It touches a file each time it has looked into the outbox.

Whoever shares its folder sees it so, without a port, and from another container too; others ask its endpoint.
"""

from datetime import UTC, datetime
from pathlib import Path

from pipeline.settings import Settings

# A mail server that takes its time with every answer keeps the sentinel from looking for so long.
SILENT_S = 60.0


def say_alive(settings: Settings) -> None:
    """Called by a sentinel after each look. Raises OSError."""
    _file(settings).touch()


def last_look(settings: Settings) -> datetime | None:
    """When a sentinel last looked; None where none ever did."""
    try:
        return datetime.fromtimestamp(_file(settings).stat().st_mtime, UTC)
    except FileNotFoundError:
        return None


def lives(settings: Settings) -> bool:
    """Whether a sentinel looked within the last minute."""
    looked = last_look(settings)
    return looked is not None and (datetime.now(UTC) - looked).total_seconds() < SILENT_S


def _file(settings: Settings) -> Path:
    return settings.data / "alerts" / "sentinel.alive"
