"""Which dbt project the transform builds: the shop's, the user's, or none."""

from datetime import date
from pathlib import Path

import pytest

from pipeline.errors import ConfigurationError
from pipeline.settings import ROOT, Settings
from pipeline.transform import transform_core, transform_datamart

DAY = date(2025, 1, 1)


def settings(tmp_path: Path, **changes: str) -> Settings:
    return Settings(_env_file=None, data_dir=tmp_path, **changes)  # type: ignore[arg-type,call-arg]


def test_the_default_is_the_shops(tmp_path: Path) -> None:
    assert settings(tmp_path).dbt_folder == ROOT / "dbt"


def test_without_a_project_there_is_nothing_to_do(tmp_path: Path) -> None:
    chosen = settings(tmp_path, dbt_project="none")
    assert transform_core(chosen, DAY).nothing_to_do
    assert transform_datamart(chosen, DAY).nothing_to_do
    assert list(tmp_path.iterdir()) == []


def test_a_folder_without_a_project_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=f"TILLROLL_DBT_PROJECT: there is no dbt project in {tmp_path}"):
        transform_core(settings(tmp_path, dbt_project=str(tmp_path)), DAY)
