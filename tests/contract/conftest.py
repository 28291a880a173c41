"""Fixtures of the contract suite."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from between import Between, between
from bucket_lake import SMALLEST_PIECE
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from emulated_cloud import EmulatedCloud
from lake_places import BucketPlace

from pipeline import settings as settings_module
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


@pytest.fixture(scope="module")
def private_key() -> str:
    """A throw-away key."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem, pkcs8, plain = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(pem, pkcs8, plain).decode()


@pytest.fixture
def no_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without credentials of its own: no variable, no login of gcloud's, no metadata server, no key.json."""
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "TILLROLL_GOOGLE_CREDENTIALS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path / "gcloud"))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.setattr(settings_module, "DEFAULT_KEY", tmp_path / "config" / "key.json")
