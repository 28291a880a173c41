"""What dbt/profiles.yml is told about the warehouse in use, and that nothing of it stays behind."""

import os
from datetime import date, time
from pathlib import Path
from typing import Any

import pytest

from pipeline.embedded.airflow_environment import schedule_from
from pipeline.errors import ConfigurationError
from pipeline.settings import Settings
from pipeline.transform_target import dbt_variables, environment

NO_SCHEDULE = {"TILLROLL_DBT_FRESH_BY": "06:00:00", "TILLROLL_DBT_SCHEDULE_FROM": ""}


def variables(tmp_path: Path, **settings: Any) -> dict[str, str]:
    return dict(dbt_variables(Settings(_env_file=None, data_dir=tmp_path, **settings)))


def test_a_file_is_named_with_its_memory_and_threads(tmp_path: Path) -> None:
    assert variables(tmp_path, warehouse_memory="1GB", workers=3) == {
        "TILLROLL_DBT_TARGET": "duckdb",
        "TILLROLL_DBT_DUCKDB_PATH": str(tmp_path / "warehouse" / "warehouse.duckdb"),
        "TILLROLL_DBT_DUCKDB_MEMORY": "1GB",
        "TILLROLL_DBT_THREADS": "3",
        **NO_SCHEDULE,
    }


def test_a_project_of_google_cloud_is_named_with_its_place_its_limit_and_who_asks(tmp_path: Path) -> None:
    key = tmp_path / "key.json"

    told = variables(
        tmp_path,
        warehouse_url="bigquery://a-project/europe-west3",
        google_credentials=str(key),
        maximum_bytes_billed=20_000_000,
    )

    assert told == {
        "TILLROLL_DBT_TARGET": "bigquery",
        "TILLROLL_DBT_BIGQUERY_PROJECT": "a-project",
        "TILLROLL_DBT_BIGQUERY_LOCATION": "europe-west3",
        "TILLROLL_DBT_BIGQUERY_MAXIMUM_BYTES": "20000000",
        "TILLROLL_DBT_BIGQUERY_METHOD": "oauth",
        "GOOGLE_APPLICATION_CREDENTIALS": str(key),
        **NO_SCHEDULE,
    }


def test_models_are_told_of_the_deadline_and_of_the_schedule_that_was_started(tmp_path: Path) -> None:
    assert deadline(tmp_path, fresh_by=None) == ("", "")
    assert not list(tmp_path.iterdir()), "asking starts no schedule"
    assert deadline(tmp_path, fresh_by=time(7, 30), schedule_from=date(2025, 2, 1)) == ("07:30:00", "2025-02-01")

    started = schedule_from(Settings(_env_file=None, data_dir=tmp_path))

    assert deadline(tmp_path) == ("06:00:00", started.isoformat())


def deadline(tmp_path: Path, **settings: Any) -> tuple[str, str]:
    told = variables(tmp_path, **settings)
    return told["TILLROLL_DBT_FRESH_BY"], told["TILLROLL_DBT_SCHEDULE_FROM"]


def test_without_a_limit_dbt_is_told_none(tmp_path: Path) -> None:
    told = variables(tmp_path, warehouse_url="bigquery://a-project/EU", google_credentials="anonymous")

    assert told["TILLROLL_DBT_BIGQUERY_MAXIMUM_BYTES"] == "0"
    assert told["TILLROLL_DBT_BIGQUERY_METHOD"] == "oauth-secrets"


def test_what_is_secret_has_the_prefix_that_dbt_keeps_to_itself(tmp_path: Path) -> None:
    told = variables(tmp_path, warehouse_url="bigquery://a-project/EU", google_credentials="anonymous")

    assert [name for name, value in told.items() if value == "anonymous"] == ["DBT_ENV_SECRET_BIGQUERY_TOKEN"]


def test_a_warehouse_without_a_dbt_target_is_a_wrong_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no dbt target for 'oracle'"):
        variables(tmp_path, warehouse_url="oracle://somewhere")


def test_the_environment_is_as_before_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TILLROLL_DBT_TARGET", "mine")
    monkeypatch.delenv("TILLROLL_DBT_DUCKDB_PATH", raising=False)

    with environment({"TILLROLL_DBT_TARGET": "duckdb", "TILLROLL_DBT_DUCKDB_PATH": "/x"}):
        assert os.environ["TILLROLL_DBT_DUCKDB_PATH"] == "/x"

    assert os.environ["TILLROLL_DBT_TARGET"] == "mine"
    assert "TILLROLL_DBT_DUCKDB_PATH" not in os.environ
