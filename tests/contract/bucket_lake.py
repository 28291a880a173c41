"""What the tests of a lake in a bucket work on: one day of two tables, and a lake that does not wait long."""

from datetime import date

from lake_places import BucketPlace

from pipeline.google_clients import ConfiguredClients
from pipeline.google_errors import RETRY
from pipeline.lake.gcs import GCSLake
from pipeline.manifest import manifest_path, object_path
from pipeline.settings import Settings

DAY = date(2025, 1, 1)
PATH = object_path(DAY, "sale")
OTHER = object_path(DAY, "customer")
MANIFEST = manifest_path(DAY)
ANONYMOUS = ConfiguredClients(Settings(google_credentials="anonymous"))
SMALLEST_PIECE = 256 * 1024


def impatient(place: BucketPlace) -> GCSLake:
    """The lake, opened by somebody who does not wait long before a request is sent again."""
    return GCSLake(ANONYMOUS.storage(), place.bucket, retry=RETRY.with_delay(0.01, 0.01).with_timeout(1))
