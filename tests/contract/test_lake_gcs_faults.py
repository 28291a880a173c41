"""A service that fails or refuses: requests are sent again, and what stays wrong is an error with a remedy."""

import gc
from collections.abc import Callable

import pytest
from between import Between, Fault, refusal
from bucket_lake import ANONYMOUS, DAY, MANIFEST, OTHER, PATH, SMALLEST_PIECE, impatient
from emulated_cloud import EmulatedCloud
from lake_places import BucketPlace, put

from pipeline.errors import ConfigurationError, TransientError
from pipeline.lake.gcs import GCSLake
from pipeline.manifest import Part


def use(lake: GCSLake) -> None:
    """Everything that a lake does."""
    lake.sweep()
    lake.write(MANIFEST, b"old")
    lake.write(MANIFEST, b"new")
    small, large = put(lake, PATH, b"small"), put(lake, OTHER, b"x" * 3 * SMALLEST_PIECE)
    assert lake.read(MANIFEST) == b"new"
    assert list(lake.folders("source/csv")) == [DAY.isoformat()]
    for part in (small, large):
        assert lake.matches(part)
        with lake.local_path(part) as file:
            assert file.stat().st_size == part.bytes
    lake.delete(PATH)


REQUESTS = ["GET .*/o\\?", "GET .*alt=media", "POST /upload", "PUT /upload", "POST .*/rewriteTo", "DELETE .*sale"]


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("matching", REQUESTS)
@pytest.mark.parametrize("fault", ["busy", "slow down", "lost"])
def test_a_request_that_failed_is_sent_again(place: BucketPlace, way: Between, matching: str, fault: str) -> None:
    """Also one that succeeded, and whose answer was lost."""
    answers = {"busy": refusal(503, "backendError", "busy"), "slow down": refusal(429, "rateLimitExceeded", "slower")}
    way.faults.append(Fault(matching, answers.get(fault), lose=fault == "lost"))

    use(impatient(place))

    assert way.faults[0].times == 0
    assert {name for name in place.names() if not name.startswith(".writing/")} == {OTHER, MANIFEST}


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("matching", REQUESTS)
def test_a_service_that_stays_busy_is_an_error_that_passes(place: BucketPlace, way: Between, matching: str) -> None:
    way.faults.append(Fault(matching, refusal(503, "backendError", "We are busy."), times=10_000))

    with pytest.raises(TransientError, match=f"gs://{place.bucket}") as raised:
        use(impatient(place))

    assert "again" in raised.value.remedy


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("matching", REQUESTS[:-1])
def test_an_account_that_may_not_is_told_what_to_grant(place: BucketPlace, way: Between, matching: str) -> None:
    denied = "till@project.iam.gserviceaccount.com does not have storage.objects.something access."
    way.faults.append(Fault(matching, refusal(403, "forbidden", denied), times=10_000))

    with pytest.raises(ConfigurationError, match=f"bucket gs://{place.bucket}") as raised:
        use(impatient(place))

    assert "storage.objects.something" in raised.value.message
    assert "roles/storage.objectUser" in raised.value.remedy


@pytest.mark.parametrize(
    "step",
    [
        lambda lake: lake.sweep(),
        lambda lake: lake.read(MANIFEST),
        lambda lake: lake.write(MANIFEST, b""),
        lambda lake: lake.create(PATH),
        lambda lake: lake.matches(Part(path=PATH, bytes=0, crc32c="")),
        lambda lake: list(lake.folders("source/csv")),
        lambda lake: lake.delete(PATH),
    ],
)
def test_a_bucket_that_is_not_there_is_named(cloud: EmulatedCloud, step: Callable[[GCSLake], object]) -> None:
    lake = GCSLake.from_url("gs://no-such-bucket", ANONYMOUS)

    with pytest.raises(ConfigurationError, match="there is no bucket gs://no-such-bucket") as raised:
        step(lake)

    assert "gcloud storage buckets create gs://no-such-bucket" in raised.value.remedy


def test_giving_up_is_no_second_failure(place: BucketPlace, way: Between, small_pieces: int) -> None:
    """Nor does Python send the rest when it forgets the writer: no request follows."""
    writer = impatient(place).create(PATH)
    writer.write(b"x" * 3 * small_pieces)
    way.faults.append(Fault(".", lose=True, times=10_000))
    with pytest.raises(TransientError):
        writer.write(b"x" * small_pieces)

    writer.abort()
    way.requests.clear()
    del writer
    gc.collect()

    assert way.requests == []
