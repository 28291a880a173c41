"""The lake in a bucket: which URL names it, and how objects are sent: few requests, little memory."""

import os
import tracemalloc

import pytest
from between import Between
from bucket_lake import ANONYMOUS, DAY, MANIFEST, PATH
from emulated_cloud import EmulatedCloud
from lake_places import BucketPlace, put

from pipeline.errors import ConfigurationError
from pipeline.lake import gcs_writer
from pipeline.lake.gcs import GCSLake
from pipeline.manifest import object_path

# --- where it is ---


@pytest.mark.parametrize(
    ("url", "there"),
    [
        ("gs://shop-lake", "gs://shop-lake"),
        ("gs://shop-lake/", "gs://shop-lake"),
        ("gs://shop.example.com/till/roll/", "gs://shop.example.com/till/roll"),
        ("gs://shop_lake/a b=1", "gs://shop_lake/a b=1"),
    ],
)
def test_a_url_names_a_bucket_and_a_prefix(url: str, there: str) -> None:
    lake = GCSLake.from_url(url, ANONYMOUS)

    assert lake.url == there
    assert lake.uri(PATH) == f"{there}/{PATH}"


@pytest.mark.parametrize(
    "url",
    [
        "gs://",
        "gs:///prefix",
        "gs:bucket",
        "gs://Bucket",
        "gs://b",
        "gs://-bucket",
        "gs://user@bucket",
        "gs://bucket:80",
        "gs://bucket?prefix=a",
        "gs://bucket/a?b",
        "gs://bucket#a",
        "gs://bucket/a#",
        "gs://bucket/a//b",
        "gs://bucket/../a",
        "gs://bucket/.",
        "gs://bucket/*",
        "gs://bucket/a\nb",
        "gs://[bucket",
    ],
)
def test_a_url_that_is_no_bucket_is_named(url: str) -> None:
    with pytest.raises(ConfigurationError, match="TILLROLL_LAKE_URL") as raised:
        GCSLake.from_url(url, ANONYMOUS)

    assert "gs://bucket/prefix" in raised.value.remedy


def test_two_prefixes_of_a_bucket_are_two_lakes(cloud: EmulatedCloud) -> None:
    bucket = cloud.bucket()
    one, other = BucketPlace(cloud, bucket, "one"), BucketPlace(cloud, bucket, "one/other")
    part = put(one.open(), PATH, b"1")

    assert not other.open().matches(part)
    assert list(other.open().folders("source/csv")) == []
    assert other.open().read(PATH) is None


# --- how it is sent, and read ---


def test_a_large_object_is_never_whole_in_memory(place: BucketPlace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gcs_writer, "PIECE_BYTES", 1 << 20)
    line = bytes(range(256)) * 256
    lake = place.open()
    lake.read(MANIFEST)  # what the libraries load once is not counted
    writer = lake.create(PATH)
    tracemalloc.start()
    for _ in range(400):
        writer.write(line)
    part = writer.close()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    writer.commit()

    assert part.bytes == 25 << 20
    assert most < 8 << 20
    assert place.open().matches(part)


@pytest.mark.parametrize("pieces", [1, 2, 3])
@pytest.mark.parametrize("more", [-1, 0, 1])
def test_an_object_of_any_size_arrives(place: BucketPlace, small_pieces: int, pieces: int, more: int) -> None:
    content = os.urandom(pieces * small_pieces + more)

    for step in (1000, len(content)):
        part = put(place.open(), PATH, *(content[i : i + step] for i in range(0, len(content), step)))

        assert part.bytes == len(content)
        assert place.open().read(PATH) == content
        assert place.open().matches(part)
    assert place.names() == {PATH}


def test_an_object_that_fits_is_one_upload(place: BucketPlace, way: Between, small_pieces: int) -> None:
    place.open().create(PATH).close()
    writer = place.open().create(PATH)
    writer.write(b"x" * small_pieces)
    writer.close()

    uploads = [line for line in way.requests if "/upload/" in line]
    assert ["uploadType=multipart" in line for line in uploads] == [True, True]


def test_a_folder_is_listed_once(place: BucketPlace, way: Between) -> None:
    """However many objects are in it: a day's manifest and parts cost one request of the dearer class."""
    parts = [put(place.open(), object_path(DAY, f"table_{i}"), b"x") for i in range(5)]
    way.requests.clear()
    lake = place.open()

    assert all(map(lake.matches, parts))
    assert lake.read(MANIFEST) is None
    assert len(way.requests) == 1
