"""Which credentials are taken, of every kind that Google gives out; a broken file is named without its content."""

import json
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from credential_files import ACCOUNT, FEDERATION, USER, service_account_info, written
from google.auth import aws, identity_pool, impersonated_credentials, pluggable
from google.auth.credentials import Credentials
from google.oauth2 import credentials as user_credentials
from google.oauth2 import service_account

from pipeline.errors import ConfigurationError
from pipeline.google_credentials import credentials_of
from pipeline.settings import Settings

pytestmark = pytest.mark.usefixtures("no_machine")
IMPERSONATION = f"https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/{ACCOUNT}:generateAccessToken"


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
