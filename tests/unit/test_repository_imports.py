"""Who may import whom, read from the source: `pipeline` and `ingestion` stand apart, and Airflow stays in one place."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.settings import ROOT

AIRFLOW_PLACE = ROOT / "pipeline" / "airflow_support"
# These may import Airflow; the others there are also used by the command line, which starts without it.
KNOW_AIRFLOW = {"wiring.py", "step_task.py", "listener.py", "component.py", "google.py", "prepare.py"}


def imported(source: str) -> Iterator[str]:
    """The top-level packages that a source text imports, anywhere in it, by statement or by name."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]
        elif isinstance(node, ast.Call):
            yield _imported_by_name(node).split(".")[0]


def _imported_by_name(call: ast.Call) -> str:
    """`a.b` of import_module("a.b"); empty for another call."""
    called = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    match call.args:
        case [ast.Constant(value=str(name)), *_] if called in {"import_module", "__import__"}:
            return name
    return ""


def modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def importers(package: str, of: str) -> list[str]:
    found = [path for path in modules(package) if of in set(imported(path.read_text("utf-8")))]
    return [str(path.relative_to(ROOT)) for path in found]


@pytest.mark.parametrize(
    "source",
    [
        "import ingestion",
        "import ingestion.rows as r",
        "from ingestion.rows import day_of",
        "def f():\n    if x:\n        from ingestion import rows",
        "import importlib; importlib.import_module('ingestion.rows')",
        "from importlib import import_module\nimport_module('ingestion')",
        "__import__('ingestion')",
    ],
)
def test_every_way_to_import_is_seen(source: str) -> None:
    assert "ingestion" in set(imported(source))


@pytest.mark.parametrize("source", ["from pipeline import ingestion", "from .ingestion import x", "x = 'ingestion'"])
def test_what_is_no_import_of_the_package_is_not_taken_for_one(source: str) -> None:
    assert "ingestion" not in set(imported(source))


def test_pipeline_knows_nothing_of_the_practice_shop() -> None:
    assert importers("pipeline", of="ingestion") == []


def test_the_practice_shop_knows_nothing_of_the_pipeline() -> None:
    assert importers("ingestion", of="pipeline") == []


def test_the_dashboard_reads_what_is_published_and_nobody_needs_it() -> None:
    """It may use the pipeline. The pipeline runs without it, and it knows nothing of who fills the shop."""
    assert importers("pipeline", of="dashboard") == importers("ingestion", of="dashboard") == []
    assert importers("dashboard", of="ingestion") == []
    assert importers("pipeline", of="streamlit") == importers("pipeline", of="altair") == []


@pytest.mark.parametrize("package", ["pipeline", "ingestion", "airflow", "dashboard"])
def test_the_product_knows_of_no_emulator(package: str) -> None:
    """Whatever is made to work for an emulator is not proven for the service."""
    for emulator in ("emulators", "bqemulator", "gcp_storage_emulator"):
        assert importers(package, of=emulator) == []


@pytest.mark.parametrize("package", ["pipeline", "ingestion", "airflow", "dashboard"])
def test_nobody_imports_from_the_dags(package: str) -> None:
    assert importers(package, of="dags") == []


def test_airflow_is_known_in_one_place() -> None:
    found = [path for path in modules("pipeline") if "airflow" in set(imported(path.read_text("utf-8")))]

    assert [str(path.relative_to(ROOT)) for path in found if path.parent != AIRFLOW_PLACE] == []
    assert {path.name for path in found} <= KNOW_AIRFLOW
    assert importers("ingestion", of="airflow") == []


def test_dbt_is_known_in_one_place() -> None:
    assert importers("pipeline", of="dbt") == ["pipeline/transform_dbt.py"]


def test_dag_files_import_wiring_only() -> None:
    """A DAG file is parsed every few seconds: it imports Airflow and the wiring; steps are imported inside tasks."""
    for path in modules("airflow/dags"):
        tree = ast.parse(path.read_text("utf-8"))
        top = [node.module for node in tree.body if isinstance(node, ast.ImportFrom)]
        ours = {module for module in top if module and module.startswith("pipeline")}
        assert ours <= {"pipeline.airflow_support.wiring", "pipeline.airflow_support.pools"}, path.name
