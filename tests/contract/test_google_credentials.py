"""Signing in to Google: each way, against a token service over HTTP, and what is said when it fails."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from between import Answer, Between, Fault, between, refusal
from credential_files import ACCOUNT, FEDERATION, service_account_info, written
from google.auth.credentials import AnonymousCredentials

from pipeline.errors import ConfigurationError, TransientError
from pipeline.google_clients import ConfiguredClients
from pipeline.google_credentials import credentials_of
from pipeline.google_errors import RETRY
from pipeline.lake import open_lake
from pipeline.lake.gcs import GCSLake
from pipeline.settings import Settings

pytestmark = pytest.mark.usefixtures("no_machine")
TOKEN: Answer = 200, {"access_token": "ya29.secret", "expires_in": 3600, "token_type": "Bearer"}


@pytest.fixture
def google(monkeypatch: pytest.MonkeyPatch) -> Iterator[Between]:
    """Cloud Storage, and the service that gives out tokens: they answer what the test plans."""
    with between() as way:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", way.url)
        yield way


@pytest.fixture
def service_account_file(tmp_path: Path, private_key: str, google: Between) -> Path:
    return written(tmp_path, service_account_info(private_key, f"{google.url}/token"))


def lake_of(file: Path | str) -> GCSLake:
    lake = open_lake(Settings(lake_url="gs://shop-lake", google_credentials=str(file)))
    assert isinstance(lake, GCSLake)
    return lake


def test_a_key_signs_in_and_its_token_goes_with_the_request(service_account_file: Path, google: Between) -> None:
    google.faults += [Fault("POST /token", TOKEN), Fault("GET /storage", (200, {"items": []}))]

    assert lake_of(service_account_file).read("source/csv/2025-01-01/manifest.json") is None

    assert [line.split("?")[0] for line in google.requests] == ["POST /token", "GET /storage/v1/b/shop-lake/o"]


def test_nothing_is_asked_before_the_first_request(service_account_file: Path, google: Between) -> None:
    lake_of(service_account_file)

    assert google.requests == []


@pytest.mark.parametrize(
    "description", ["Token has been expired or revoked.", "Invalid JWT Signature.", "Invalid grant: account not found"]
)
def test_a_key_that_is_expired_or_revoked_says_to_sign_in_again(
    service_account_file: Path, google: Between, description: str
) -> None:
    google.faults.append(Fault("POST /token", (400, {"error": "invalid_grant", "error_description": description})))

    with pytest.raises(ConfigurationError, match=f"invalid_grant: {description}") as raised:
        lake_of(service_account_file).read("manifest.json")

    assert "Sign in again" in raised.value.remedy


def test_a_token_that_google_does_not_know_any_more_says_to_sign_in_again(
    service_account_file: Path, google: Between
) -> None:
    google.faults += [
        Fault("POST /token", TOKEN, times=9),
        Fault("GET", refusal(401, "authError", "Bad token"), times=9),
    ]

    with pytest.raises(ConfigurationError, match="does not accept the credentials") as raised:
        lake_of(service_account_file).read("manifest.json")

    assert "Sign in again" in raised.value.remedy
    assert "ya29" not in f"{raised.value!r}"


def test_an_account_that_may_not_is_told_what_to_grant(service_account_file: Path, google: Between) -> None:
    denied = f"{ACCOUNT} does not have storage.objects.list access to the Google Cloud Storage bucket."
    google.faults += [Fault("POST /token", TOKEN), Fault("GET", refusal(403, "forbidden", denied))]

    with pytest.raises(ConfigurationError, match="bucket gs://shop-lake") as raised:
        lake_of(service_account_file).read("manifest.json")

    assert "storage.objects.list" in raised.value.message
    assert "roles/storage.objectUser" in raised.value.remedy


def test_a_token_service_that_is_away_is_no_fault_of_the_key(tmp_path: Path, private_key: str) -> None:
    with between() as gone:
        url = gone.url
    file = written(tmp_path, service_account_info(private_key, f"{url}/token"))
    client = ConfiguredClients(Settings(google_credentials=str(file))).storage()

    with pytest.raises(TransientError, match="no answer from Google"):
        GCSLake(client, "shop-lake", retry=RETRY.with_timeout(0.1)).read("manifest.json")


def test_anonymous_asks_for_no_token(google: Between) -> None:
    google.faults.append(Fault("GET", (200, {})))

    assert lake_of("Anonymous").read("manifest.json") is None
    assert len(google.requests) == 1
    assert isinstance(credentials_of(Settings(google_credentials="anonymous")), AnonymousCredentials)


def test_workload_identity_federation_signs_in(tmp_path: Path, google: Between) -> None:
    """Another system's token is read from a file and exchanged for Google's."""
    (tmp_path / "token").write_text("a token of the other system")
    info = FEDERATION | {"token_url": f"{google.url}/sts", "credential_source": {"file": str(tmp_path / "token")}}
    exchanged: Answer = 200, {**TOKEN[1], "issued_token_type": "urn:ietf:params:oauth:token-type:access_token"}
    google.faults += [Fault("POST /sts", exchanged), Fault("GET /storage", (200, {}))]

    assert lake_of(written(tmp_path, info)).read("manifest.json") is None

    assert [line.split("?")[0] for line in google.requests] == ["POST /sts", "GET /storage/v1/b/shop-lake/o"]


def test_a_token_file_that_is_gone_is_named(tmp_path: Path, google: Between) -> None:
    info = FEDERATION | {"token_url": f"{google.url}/sts", "credential_source": {"file": str(tmp_path / "gone")}}

    with pytest.raises(ConfigurationError, match="credentials") as raised:
        lake_of(written(tmp_path, info)).read("manifest.json")

    assert "gone" in raised.value.message
