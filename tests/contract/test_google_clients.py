"""The clients that a step works with: supplied ones first, else the settings' account, and dbt's is the same."""

from pathlib import Path

import pytest

from pipeline.google_clients import ConfiguredClients, google_clients, supplied
from pipeline.settings import Settings

pytestmark = pytest.mark.usefixtures("no_machine")


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
