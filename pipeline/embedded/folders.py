"""Folders for the servers' state, under the data folder."""

from pathlib import Path

from pipeline.errors import ConfigurationError


def make_folder(folder: Path) -> None:
    """Make a folder that is its owner's alone; one that is there stays as it is.

    Raises:
        ConfigurationError: it cannot be there.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"cannot make the folder {folder}: {error.strerror or error}",
            "Let TILLROLL_DATA_DIR name a folder of yours, on a disk with room.",
        ) from error
