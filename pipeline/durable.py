"""What a rename needs to survive a power cut."""

import os
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Have the disk know the names in the folder. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
