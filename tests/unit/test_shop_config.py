"""The shop's configuration: what is wrong is named, with file and key."""

from pathlib import Path

import pytest

from ingestion.config import CONFIG_FOLDER, CONFIG_VARIABLE, IngestionConfig, load_config
from ingestion.errors import ShopError


def write(folder: Path, text: str) -> Path:
    path = folder / "shop.yml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_file_of_the_project_holds_the_reference_volumes() -> None:
    config = load_config(CONFIG_FOLDER / "ingestion.yml")
    volumes = config.volumes
    assert (config.scale, config.history_days) == (1.0, 90)
    assert (volumes.customers, volumes.products) == (100_000, 60_000)
    assert (volumes.sessions, volumes.transactions, volumes.reviews) == (50_000, 16_500, 16_500)


def test_the_defaults_in_code_are_those_of_the_file() -> None:
    assert load_config(CONFIG_FOLDER / "ingestion.yml") == IngestionConfig()


def test_the_variable_names_another_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CONFIG_VARIABLE, str(write(tmp_path, "scale: 0.5")))
    config = load_config()
    assert config.scaled(config.volumes.customers) == 50_000


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("scale: 0", "scale"),
        ("shares: {refunded: 1.5}", "shares.refunded"),
        ("volumes: {customer: 100}", "volumes.customer"),
        ("volumes: {sessions: 10, transactions: 11}", "volumes.transactions exceeds volumes.sessions"),
        ("{", "cannot read"),
    ],
)
def test_a_wrong_value_is_named(tmp_path: Path, text: str, named: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ShopError) as caught:
        load_config(path)
    assert named in caught.value.message
    assert str(path) in caught.value.message
    assert caught.value.remedy


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ShopError, match=r"nowhere\.yml"):
        load_config(tmp_path / "nowhere.yml")
