"""Airflow for tests: its own home and database. Set before anything imports Airflow, which reads them only then."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from dag_folder import DAGS_FOLDER, PLUGINS_FOLDER, parse

_home = tempfile.mkdtemp(prefix="tillroll-airflow-test-")
atexit.register(shutil.rmtree, _home, ignore_errors=True)
os.environ.update(
    {
        "AIRFLOW_HOME": _home,
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{_home}/airflow.db",
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS_FOLDER),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(PLUGINS_FOLDER),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "DO_NOT_TRACK": "1",
    }
)


@pytest.fixture(autouse=True)
def _own_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of whoever runs the tests, and a data folder of the test's own."""
    for name in [name for name in os.environ if name.startswith("TILLROLL_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TILLROLL_DATA_DIR", str(tmp_path / "data"))


@pytest.fixture(scope="session")
def airflow_database() -> None:
    """Airflow's tables, for what runs tasks."""
    from airflow.utils import db

    db.initdb()


@pytest.fixture
def dags() -> dict[str, Any]:
    """The DAGs by name, as Airflow parses them with the default settings."""
    bag = parse()
    assert bag.import_errors == {}
    return dict(bag.dags)
