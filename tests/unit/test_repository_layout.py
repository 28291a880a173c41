"""The layout that DESIGN and the tools rely on: what must not be there, what must, and how large it may be."""

import ast
import os
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.settings import ROOT

PACKAGES = ("dashboard", "ingestion", "pipeline")
SUITES = ("unit", "contract", "dags", "warehouse", "crash", "e2e")
LONGEST_MODULE = 300
OURS = ("airflow", "benchmarks", "config", "dbt", "docs", "emulators", *PACKAGES, "tests")
GENERATED = {"__pycache__", "target", "logs", "dbt_packages"}


def files(*folders: str, suffix: str = "") -> Iterator[Path]:
    """Files of these folders that belong to the repository."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob(f"*{suffix}")):
            if path.is_file() and not GENERATED & set(path.relative_to(ROOT).parts):
                yield path


def shown(paths: Iterator[Path] | list[Path]) -> list[str]:
    return [str(path.relative_to(ROOT)) for path in paths]


@pytest.mark.parametrize("folder", ["airflow", "dbt", "tests"])
def test_folders_that_are_no_packages_have_no_init(folder: str) -> None:
    """An `airflow/__init__.py` or `dbt/__init__.py` would hide the real package from everybody."""
    assert shown(list(files(folder, suffix="__init__.py"))) == []


@pytest.mark.parametrize("package", PACKAGES)
def test_folders_that_are_packages_are_installed(package: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    named = set(project["tool"]["setuptools"]["packages"])

    found = {".".join(path.parent.relative_to(ROOT).parts) for path in files(package, suffix=".py")}

    assert found <= named
    assert {name for name in named if name.split(".")[0] == package} <= found


def test_no_dag_file_is_taken_for_a_dbt_plugin() -> None:
    """dbt imports every module called dbt_* that it finds on the path."""
    assert shown(list((ROOT / "airflow" / "dags").rglob("dbt_*"))) == []


def test_dag_files_are_the_five() -> None:
    assert {path.stem for path in files("airflow/dags", suffix=".py")} == {
        "ingest_to_postgres",
        "postgres_to_gcs",
        "gcs_to_bq_staging",
        "bq_transform_core",
        "bq_transform_datamart",
    }


def test_no_module_is_too_long_to_read() -> None:
    lengths = {path: len(path.read_text("utf-8").splitlines()) for path in files(*PACKAGES, "emulators", suffix=".py")}

    assert shown([path for path, length in lengths.items() if length > LONGEST_MODULE]) == []


def test_every_module_says_what_it_is() -> None:
    modules = files(*PACKAGES, "airflow", "benchmarks", "emulators", "tests", suffix=".py")

    assert shown([path for path in modules if not ast.get_docstring(ast.parse(path.read_text("utf-8")))]) == []


def test_nothing_is_left_to_do_later() -> None:
    """What is not done is said in the README, or is an issue: a note in the code is found by nobody."""
    note = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|X" + r"XX)\b")
    texts = [*files(*OURS), *(path for path in ROOT.iterdir() if path.suffix in {".md", ".toml"}), ROOT / "Makefile"]
    texts = [path for path in texts if path.suffix != ".png"]  # a picture's bytes may be any letters
    noted = [path for path in texts if note.search(path.read_bytes().decode("utf-8", "replace"))]

    assert shown(noted) == []


@pytest.mark.parametrize("suite", SUITES)
def test_every_suite_has_tests(suite: str) -> None:
    """A folder that collects nothing is green for the wrong reason."""
    assert [name for path in files(f"tests/{suite}", suffix=".py") for name in collected(path)]


def test_there_is_no_suite_that_nobody_runs() -> None:
    folders = {path.relative_to(ROOT / "tests").parts[0] for path in files("tests") if path.parent != ROOT / "tests"}

    assert folders == set(SUITES)


def test_every_test_is_collected() -> None:
    """pytest looks at test_*.py only; a test in another file never runs."""
    missed = [path for path in files("tests", suffix=".py") if not path.name.startswith("test_") and collected(path)]
    empty = [path for path in files("tests", suffix=".py") if path.name.startswith("test_") and not collected(path)]

    assert shown(missed) == []
    assert shown(empty) == []


def test_test_files_have_names_of_their_own() -> None:
    """Without __init__.py, two files of one name are one module to Python."""
    names = Counter(path.name for path in files("tests", suffix=".py") if path.name != "conftest.py")

    assert [name for name, count in names.items() if count > 1] == []


def test_secrets_and_local_state_are_ignored_by_git() -> None:
    ignored = (ROOT / ".gitignore").read_text("utf-8").splitlines()

    assert {".env", "config/key.json", "/data/*", ".venv/", "*.duckdb"} <= set(ignored)


def test_ci_runs_what_a_person_runs() -> None:
    script = ROOT / ".ci" / "run"

    assert os.access(script, os.X_OK)
    assert "run: .ci/run" in (ROOT / ".github" / "workflows" / "ci.yml").read_text("utf-8")


def test_ci_covers_every_python_that_is_allowed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    matrix = re.search(r"python: \[(.*)\]", (ROOT / ".github" / "workflows" / "ci.yml").read_text("utf-8"))

    assert project["requires-python"] == ">=3.11,<3.14"
    assert matrix is not None
    assert matrix[1] == '"3.11", "3.12", "3.13"'


def collected(path: Path) -> list[str]:
    """The names of the functions that pytest takes for tests."""
    tree = ast.parse(path.read_text("utf-8"))
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return [function.name for function in functions if function.name.startswith("test")]
