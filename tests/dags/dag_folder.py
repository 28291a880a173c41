"""The DAG files, parsed as Airflow parses them."""

from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
DAGS_FOLDER = ROOT / "airflow" / "dags"
PLUGINS_FOLDER = ROOT / "airflow" / "plugins"


def parse(folder: Path = DAGS_FOLDER) -> Any:
    """A DagBag of the folder's files, parsed now."""
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(dag_folder=str(folder))
