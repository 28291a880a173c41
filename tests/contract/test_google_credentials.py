"""Credentials: each way to sign in, against a token service over HTTP; what is broken is said without its content."""

import json
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from between import Answer, Between, Fault, between, refusal
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth import aws, identity_pool, impersonated_credentials, pluggable
from google.auth.credentials import AnonymousCredentials, Credentials
from google.oauth2 import credentials as user_credentials
from google.oauth2 import service_account

from pipeline import settings as settings_module
from pipeline.errors import ConfigurationError, TransientError
from pipeline.google_clients import ConfiguredClients, google_clients, supplied
from pipeline.google_credentials import credentials_of
from pipeline.google_errors import RETRY
from pipeline.lake import open_lake
from pipeline.lake.gcs import GCSLake
from pipeline.settings import Settings

ACCOUNT = "till@project.iam.gserviceaccount.com"
TOKEN: Answer = 200, {"access_token": "ya29.secret", "expires_in": 3600, "token_type": "Bearer"}


@pytest.fixture(scope="module")
def private_key() -> str:
    """A throw-away key."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem, pkcs8, plain = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(pem, pkcs8, plain).decode()


@pytest.fixture
def google(monkeypatch: pytest.MonkeyPatch) -> Iterator[Between]:
    """Cloud Storage, and the service that gives out tokens: they answer what the test plans."""
    with between() as way:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", way.url)
        yield way


@pytest.fixture
def service_account_file(tmp_path: Path, private_key: str, google: Between) -> Path:
    return written(tmp_path, service_account_info(private_key, f"{google.url}/token"))


@pytest.fixture(autouse=True)
def _no_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without credentials of its own: no variable, no login of gcloud's, no metadata server, no key.json."""
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "TILLROLL_GOOGLE_CREDENTIALS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path / "gcloud"))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.setattr(settings_module, "DEFAULT_KEY", tmp_path / "config" / "key.json")


def service_account_info(private_key: str, token_uri: str) -> dict[str, Any]:
    return {
        "type": "service_account",
        "project_id": "project",
        "private_key_id": "1",
        "private_key": private_key,
        "client_email": ACCOUNT,
        "token_uri": token_uri,
    }


def written(folder: Path, content: object) -> Path:
    path = folder / "credentials.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


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


def test_the_key_in_config_is_the_default(tmp_path: Path, private_key: str) -> None:
    (tmp_path / "config").mkdir()
    info = service_account_info(private_key, "https://oauth2.googleapis.com/token")
    (tmp_path / "config" / "key.json").write_text(json.dumps(info))

    credentials = credentials_of(Settings(google_credentials=""))

    assert isinstance(credentials, service_account.Credentials)
    assert credentials.service_account_email == ACCOUNT


def test_a_named_file_goes_before_the_key_in_config(tmp_path: Path, private_key: str) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "key.json").write_text("broken")
    file = written(tmp_path, service_account_info(private_key, "https://oauth2.googleapis.com/token"))

    assert isinstance(credentials_of(Settings(google_credentials=str(file))), service_account.Credentials)


def test_the_machines_own_credentials_are_taken_where_no_file_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, private_key: str
) -> None:
    file = written(tmp_path, service_account_info(private_key, "https://oauth2.googleapis.com/token"))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))

    assert isinstance(credentials_of(Settings(google_credentials="")), service_account.Credentials)


def test_a_machine_without_credentials_says_how_to_get_some() -> None:
    with pytest.raises(ConfigurationError, match="this machine has no Google credentials") as raised:
        credentials_of(Settings(google_credentials=""))

    assert all(way in raised.value.remedy for way in ("config/key.json", "TILLROLL_GOOGLE_CREDENTIALS", "gcloud auth"))


FEDERATION: dict[str, Any] = {
    "type": "external_account",
    "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/p",
    "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
    "token_url": "https://sts.googleapis.com/v1/token",
}
USER = {"type": "authorized_user", "client_id": "1", "client_secret": "s", "refresh_token": "r"}
IMPERSONATION = f"https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/{ACCOUNT}:generateAccessToken"


@pytest.mark.parametrize(
    ("info", "kind"),
    [
        (FEDERATION | {"credential_source": {"file": "/var/run/token"}}, identity_pool.Credentials),
        (FEDERATION | {"credential_source": {"url": "http://127.0.0.1/token"}}, identity_pool.Credentials),
        (FEDERATION | {"credential_source": {"executable": {"command": "/bin/token"}}}, pluggable.Credentials),
        (
            FEDERATION
            | {
                "subject_token_type": "urn:ietf:params:aws:token-type:aws4_request",
                "credential_source": {
                    "environment_id": "aws1",
                    "regional_cred_verification_url": "https://sts.{region}.amazonaws.com",
                },
            },
            aws.Credentials,
        ),
        (USER, user_credentials.Credentials),
        (
            {
                "type": "impersonated_service_account",
                "source_credentials": USER,
                "service_account_impersonation_url": IMPERSONATION,
            },
            impersonated_credentials.Credentials,
        ),
    ],
)
def test_every_kind_of_file_that_google_gives_out_is_taken(
    tmp_path: Path, info: dict[str, Any], kind: type[Credentials]
) -> None:
    assert type(credentials_of(Settings(google_credentials=str(written(tmp_path, info))))) is kind


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


def without(name: str) -> Callable[[dict[str, Any]], object]:
    return lambda info: {key: value for key, value in info.items() if key != name}


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (lambda info: json.dumps(info)[:-20], "no JSON object"),
        (lambda info: "", "no JSON object"),
        (lambda info: [info], "no JSON object"),
        (lambda info: json.dumps(info["private_key"]), "no JSON object"),
        (lambda info: {**info, "type": "key"}, "type is none of service_account"),
        (lambda info: {**info, "type": [1]}, "type is none of service_account"),
        (without("type"), "type is none of service_account"),
        (without("private_key"), "broken"),
        (without("client_email"), "broken"),
        (without("token_uri"), "broken"),
        (lambda info: {**info, "private_key": info["private_key"][:-300]}, "broken"),
        (lambda info: {**info, "private_key": 1}, "broken"),
        (lambda info: {**FEDERATION, "secret": info["private_key"]}, "broken"),
        (lambda info: {**FEDERATION, "credential_source": {"certificate": info["private_key"]}}, "broken"),
        (lambda info: {"type": "authorized_user", "secret": info["private_key"]}, "broken"),
        (lambda info: {"type": "impersonated_service_account", "source_credentials": info}, "broken"),
    ],
)
def test_a_file_that_is_none_is_named_without_its_content(
    tmp_path: Path, private_key: str, broken: Callable[[dict[str, Any]], object], words: str
) -> None:
    info = service_account_info(private_key, "https://oauth2.googleapis.com/token")
    file = written(tmp_path, broken(info))

    with pytest.raises(ConfigurationError, match=words) as raised:
        credentials_of(Settings(google_credentials=str(file)))

    assert str(file) in raised.value.message
    shown = "".join(traceback.format_exception(raised.value))
    lines = [line for line in private_key.splitlines() if len(line) > 20 and "-" not in line]
    assert not any(line in shown for line in lines)


def test_a_file_that_is_not_there_or_not_for_us_is_named(tmp_path: Path) -> None:
    for place in (tmp_path / "gone.json", tmp_path):
        with pytest.raises(ConfigurationError, match=f"{place}: (No such file|Is a directory)"):
            credentials_of(Settings(google_credentials=str(place)))


def test_clients_that_are_supplied_go_before_the_settings() -> None:
    settings = Settings(google_credentials="/nowhere")
    others = ConfiguredClients(Settings(google_credentials="anonymous"))

    with supplied(others):
        assert google_clients(settings) is others

    assert google_clients(settings) is not others


def test_bigquerys_client_has_its_project_and_location() -> None:
    client = ConfiguredClients(Settings(google_credentials="anonymous")).bigquery("project", "EU")

    assert (client.project, client.location) == ("project", "EU")


def test_dbt_signs_in_as_the_same_account(tmp_path: Path) -> None:
    def environment(credentials: str) -> dict[str, str]:
        return dict(ConfiguredClients(Settings(google_credentials=credentials)).dbt_environment())

    key = tmp_path / "credentials.json"

    assert "anonymous" in environment("anonymous").values()
    assert environment(str(key))["GOOGLE_APPLICATION_CREDENTIALS"] == str(key)
    assert "GOOGLE_APPLICATION_CREDENTIALS" not in environment("")
