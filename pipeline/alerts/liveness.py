"""Does the sentinel live? It touches a file each time it has looked into the outbox.

Whoever shares its folder sees it so, without a port, and from another container too; others ask its endpoint.
"""

from datetime import UTC, datetime
from pathlib import Path

from pipeline.settings import Settings

# One that sends is not heard of meanwhile: longer than it may take for what it has begun. See the sentinel.
SILENT_S = 180.0


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
    """Whether a sentinel looked within the last minutes."""
    looked = last_look(settings)
    return looked is not None and (datetime.now(UTC) - looked).total_seconds() < SILENT_S


def _file(settings: Settings) -> Path:
    return settings.data / "alerts" / "sentinel.alive"
