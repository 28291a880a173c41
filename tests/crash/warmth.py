"""A warm process: everything a run imports is there, dbt has read a project once, and no thread was started.

Import this before anything else: it keeps libraries from starting threads of their own, which a fork would lose.
"""

import os
import tempfile
import threading
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import ingestion
import pipeline

os.environ |= {"OPENBLAS_NUM_THREADS": "1", "JE_ARROW_MALLOC_CONF": "background_thread:false"}

_MODELS = """
models:
  - name: one
    columns: [{name: one, data_type: integer, data_tests: [not_null]}]
sources:
  - {name: two, schema: two, tables: [{name: two}]}
"""


def warm_up() -> None:
    """Import and read what every run imports and reads."""
    for package in (ingestion, pipeline):
        for module in walk_packages(package.__path__, f"{package.__name__}."):
            if "airflow" not in module.name:
                import_module(module.name)
    with tempfile.TemporaryDirectory() as folder:
        _read_project(Path(folder))
    require_one_thread()


def require_one_thread() -> None:
    """Raises AssertionError where a fork of this process would lose threads."""
    assert threading.active_count() == len(list(Path("/proc/self/task").iterdir())) == 1


def _read_project(folder: Path) -> None:
    """Have dbt build its own classes, with a project so plain that dbt needs no parser in Rust: that has threads."""
    from dbt.cli.main import dbtRunner

    from pipeline.settings import ROOT
    from pipeline.transform_dbt import _close_files

    (folder / "models").mkdir()
    (folder / "dbt_project.yml").write_text("{name: warm, version: 1.0.0, profile: tillroll}")
    (folder / "models" / "one.sql").write_text("select 1 as one")
    (folder / "models" / "one.yml").write_text(_MODELS)
    quiet = ("--quiet", "--log-level", "none", "--log-level-file", "none", "--no-version-check", "--no-write-json")
    places = ("--project-dir", str(folder), "--profiles-dir", str(ROOT / "dbt"), "--log-path", str(folder))
    options = (*quiet, "--no-static-parser", "--no-send-anonymous-usage-stats")
    outcome = dbtRunner().invoke([*options, "parse", *places, "--target-path", str(folder / "target")])
    assert outcome.success, outcome.exception
    _close_files()
