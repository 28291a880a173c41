"""Google's clients come from Airflow's connection, whatever way of signing in it has."""

import json
import os
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from pipeline.airflow_support.step_task import signed_in
from pipeline.embedded.airflow_environment import GOOGLE_CONNECTION, airflow_environment
from pipeline.errors import ConfigurationError
from pipeline.google_clients import ConfiguredClients, google_clients
from pipeline.settings import Settings

DAY = date(2025, 1, 3)
ACCOUNT = "pipeline@shop.iam.gserviceaccount.com"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(_env_file=None, data_dir=tmp_path, lake_url="gs://lake", warehouse_url="bigquery://shop-project/EU")


@pytest.fixture(scope="module")
def key() -> dict[str, str]:
    """A service account's key that no service knows."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return {
        "type": "service_account",
        "project_id": "shop-project",
        "private_key_id": "1",
        "private_key": pem.decode(),
        "client_email": ACCOUNT,
        "client_id": "1",
        "token_uri": "http://127.0.0.1:1/token",
    }


def connect(monkeypatch: pytest.MonkeyPatch, **extra: Any) -> None:
    monkeypatch.setenv(GOOGLE_CONNECTION, json.dumps({"conn_type": "google_cloud_platform", "extra": extra}))


def test_a_key_in_the_connection_signs_in_clients_and_dbt(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, key: dict[str, str]
) -> None:
    connect(monkeypatch, keyfile_dict=json.dumps(key), project="shop-project")
    with signed_in(settings):
        clients = google_clients(settings)
        bigquery = clients.bigquery("shop-project", "EU")
        assert bigquery._credentials.service_account_email == ACCOUNT
        assert (bigquery.project, bigquery.location) == ("shop-project", "EU")
        assert clients.storage()._credentials.service_account_email == ACCOUNT
        assert clients.dbt_environment() == {"TILLROLL_DBT_BIGQUERY_METHOD": "oauth"}
        laid_out = Path(os.environ["GOOGLE_APPLICATION_CREDENTIALS"])
        assert json.loads(laid_out.read_text())["client_email"] == ACCOUNT
        assert laid_out.stat().st_mode & 0o077 == 0
    assert not laid_out.exists()
    assert "GOOGLE_APPLICATION_CREDENTIALS" not in os.environ
    assert isinstance(google_clients(settings), ConfiguredClients)


def test_without_a_connection_the_error_says_which_one(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    monkeypatch.delenv(GOOGLE_CONNECTION, raising=False)
    with pytest.raises(ConfigurationError, match="google_cloud_default"), signed_in(settings):
        google_clients(settings).storage()


def test_on_a_laptop_no_connection_is_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(GOOGLE_CONNECTION, raising=False)
    settings = Settings(_env_file=None, data_dir=tmp_path)
    with signed_in(settings):
        assert isinstance(google_clients(settings), ConfiguredClients)


def made(settings: Settings) -> dict[str, Any]:
    """The extra fields of the connection that the laptop's Airflow gets."""
    extra: dict[str, Any] = json.loads(airflow_environment(settings)[GOOGLE_CONNECTION])["extra"]
    return extra


def test_the_laptops_airflow_gets_the_connection_that_the_settings_mean(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, tmp_path: Path
) -> None:
    monkeypatch.delenv(GOOGLE_CONNECTION, raising=False)
    file = tmp_path / "key.json"
    file.write_text("{}")
    anonymous = settings.model_copy(update={"google_credentials": "anonymous"})
    by_key = settings.model_copy(update={"google_credentials": str(file)})
    assert made(anonymous) == {"project": "shop-project", "is_anonymous": True}
    assert made(by_key) == {"project": "shop-project", "key_path": str(file)}


def test_a_connection_of_the_users_own_holds(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    connect(monkeypatch, impersonation_chain=ACCOUNT)
    assert made(settings) == {"impersonation_chain": ACCOUNT}
    assert GOOGLE_CONNECTION not in airflow_environment(Settings(_env_file=None, data_dir=settings.data_dir))
