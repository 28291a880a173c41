"""Fixtures of the contract suite."""

from collections.abc import Iterator

import pytest
from between import Between, between
from bucket_lake import SMALLEST_PIECE
from emulated_cloud import EmulatedCloud
from lake_places import BucketPlace

from pipeline.lake import gcs_writer


@pytest.fixture
def place(cloud: EmulatedCloud) -> BucketPlace:
    return BucketPlace(cloud, cloud.bucket())


@pytest.fixture
def way(place: BucketPlace, monkeypatch: pytest.MonkeyPatch) -> Iterator[Between]:
    """What is between the lake and the emulator from now on."""
    with between(place.cloud.storage_url) as way:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", way.url)
        yield way


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(gcs_writer, "PIECE_BYTES", SMALLEST_PIECE)
    return SMALLEST_PIECE
