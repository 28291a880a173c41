"""CRC-32C, the checksum that Cloud Storage keeps of every object, as 8 hex digits."""

from base64 import b64decode
from pathlib import Path

import google_crc32c

_PIECE_BYTES = 1 << 20


def of_bytes(content: bytes) -> str:
    """The checksum of a small content."""
    return text(google_crc32c.value(content))


def of_file(path: Path) -> str:
    """The checksum of a file. Raises OSError."""
    checksum = 0
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            checksum = google_crc32c.extend(checksum, piece)
    return text(checksum)


def of_base64(encoded: str) -> str:
    """A checksum as Cloud Storage writes it: base64 of its four bytes, the highest first."""
    return b64decode(encoded).hex()


def text(checksum: int) -> str:
    """A running checksum's text."""
    return f"{checksum:08x}"
