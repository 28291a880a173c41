"""Lakes. Each has the same face (`base.Lake`); the URL chooses one."""

from pipeline.errors import ConfigurationError
from pipeline.lake.base import Lake
from pipeline.settings import Settings


def open_lake(settings: Settings) -> Lake:
    """The lake that TILLROLL_LAKE_URL names.

    Raises:
        ConfigurationError: the URL's scheme is not one Tillroll knows.
    """
    url = settings.lake
    if url.startswith("file://"):
        from pipeline.lake.folder import FolderLake

        return FolderLake.from_url(url)
    if url.startswith("gs://"):
        from pipeline.google_clients import google_clients
        from pipeline.lake.gcs import GCSLake

        return GCSLake.from_url(url, google_clients(settings))
    raise ConfigurationError(
        f"TILLROLL_LAKE_URL: no lake for {url.split(':', 1)[0]!r}", "Use file:///path/to/folder or gs://bucket."
    )
