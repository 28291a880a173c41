"""What every DAG must have, and how they hang together. A DAG file that breaks a rule does not get in."""

import ast
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from dag_folder import DAGS_FOLDER, ROOT, parse

from pipeline.airflow_support.callbacks import alert_failure
from pipeline.airflow_support.chain import CHAIN, POSTGRES_TO_GCS, chain_of
from pipeline.airflow_support.doc import SECTIONS, section
from pipeline.airflow_support.pools import POOLS, WAREHOUSE
from pipeline.settings import Settings

FILES = sorted(DAGS_FOLDER.glob("*.py"))


def test_every_file_parses_without_a_warning() -> None:
    bag = parse()
    assert bag.import_errors == {}
    assert bag.captured_warnings == {}
    assert set(bag.dags) == set(CHAIN)


def test_a_file_is_named_like_its_dag() -> None:
    assert {file.stem for file in FILES} == set(CHAIN)


@pytest.mark.parametrize("name", CHAIN)
def test_a_dag_has_what_every_dag_must_have(dags: dict[str, Any], name: str) -> None:
    dag = dags[name]
    assert dag.description
    assert "tillroll" in dag.tags
    assert len(dag.tags) > 1
    assert dag.max_active_runs in range(1, 9)
    assert dag.catchup is False
    assert dag.is_paused_upon_creation is False
    assert dag.params.get_param("day").description
    assert [title for title in SECTIONS if not section(dag.doc_md, title)] == []


@pytest.mark.parametrize("name", CHAIN)
def test_a_task_has_what_every_task_must_have(dags: dict[str, Any], name: str) -> None:
    (task,) = dags[name].tasks
    assert task.owner == "data-team"
    assert task.retries >= 1
    assert task.retry_policy is not None
    assert task.execution_timeout <= timedelta(hours=2)
    assert len(task.outlets) == 1
    assert task.pool in {"default_pool", *(pool.name for pool in POOLS)}


@pytest.mark.parametrize("name", CHAIN)
def test_a_failure_is_mailed_once(dags: dict[str, Any], name: str) -> None:
    (task,) = dags[name].tasks
    assert list(task.on_failure_callback) == [alert_failure]
    assert not task.on_retry_callback
    assert not task.email
    assert not dags[name].has_on_failure_callback, "the task's callback would be followed by the DAG's: two mails"


def test_one_task_at_a_time_opens_the_warehouse(dags: dict[str, Any]) -> None:
    in_pool = {name for name, dag in dags.items() if dag.tasks[0].pool == WAREHOUSE.name}
    assert in_pool == set(CHAIN[1:])
    assert WAREHOUSE.slots == 1


def test_earlier_tasks_get_the_warehouse_first(dags: dict[str, Any]) -> None:
    weights = [dags[name].tasks[0].priority_weight for name in CHAIN[1:]]
    assert weights == sorted(set(weights), reverse=True)


def test_days_are_ingested_one_at_a_time(dags: dict[str, Any]) -> None:
    head = dags[CHAIN[0]]
    # A backfill has a limit of its own in place of max_active_runs; the task's limit holds for it too.
    assert (head.max_active_runs, head.tasks[0].max_active_tis_per_dag) == (1, 1)


def test_each_dag_starts_the_next(dags: dict[str, Any]) -> None:
    for earlier, later in pairwise(CHAIN):
        assert [_waits_for(dags[later])] == [asset.name for asset in dags[earlier].tasks[0].outlets]


def test_the_first_dag_has_the_clock(dags: dict[str, Any]) -> None:
    assert _clock(dags[CHAIN[0]]) == ("0 0 * * *", "UTC", -1, "%Y-%m-%d")
    assert [name for name in CHAIN if _waits_for(dags[name]) is None] == [CHAIN[0]]


def test_an_external_source_leaves_out_the_ingester(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TILLROLL_SOURCE", "external")
    bag = parse()
    assert bag.import_errors == {}
    assert set(bag.dags) == set(chain_of(Settings())) == set(CHAIN) - {CHAIN[0]}
    assert _clock(bag.dags[POSTGRES_TO_GCS]) == ("0 0 * * *", "UTC", -1, "%Y-%m-%d")


@pytest.mark.parametrize("source", ["shop", "external"])
def test_the_schedule_begins_when_it_is_told_to(monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    monkeypatch.setenv("TILLROLL_SOURCE", source)
    monkeypatch.setenv("TILLROLL_SCHEDULE_FROM", "2025-01-31")
    dags = parse().dags
    head, *rest = chain_of(Settings())
    assert dags[head].start_date == datetime(2025, 2, 1, tzinfo=UTC)
    assert [name for name in rest if dags[name].start_date] == []


@pytest.mark.parametrize("variable", ["LOOKBACK", "ALERT_TO", "POSTGRES_PORT", "SCHEDULE_FROM", "SOURCE_URL"])
def test_wrong_settings_fail_a_task_and_not_the_parsing(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(f"TILLROLL_{variable}", "nonsense")
    bag = parse()
    assert bag.import_errors == {}
    assert set(bag.dags) == set(CHAIN)


def test_an_unknown_source_is_named_where_dags_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TILLROLL_SOURCE", "both")
    errors = parse().import_errors
    assert errors
    assert all("TILLROLL_SOURCE" in error for error in errors.values())


def test_parsing_imports_nothing_heavy() -> None:
    program = (
        "import json, runpy, sys\n"
        "for file in sys.argv[1:]: runpy.run_path(file)\n"
        "print(json.dumps(sorted({name.split('.')[0] for name in sys.modules} | set(sys.modules))))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error::SyntaxWarning", "-c", program, *map(str, FILES)],
        capture_output=True, text=True, check=True, env=os.environ,
    )  # fmt: skip
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    assert "pipeline.airflow_support.wiring" in loaded
    heavy = {"duckdb", "dbt", "psycopg", "pyarrow", "pandas", "numpy", "faker", "smtplib", "ingestion"}
    heavy |= {"google.auth", "google.cloud.storage", "google.cloud.bigquery", "pipeline.steps", "pipeline.transform"}
    assert loaded & heavy == set()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_dag_file_only_wires(file: Path) -> None:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    imported = {node.module for node in tree.body if isinstance(node, ast.ImportFrom)}
    assert imported <= {"typing", "airflow.sdk", "pipeline.airflow_support.wiring", "pipeline.airflow_support.pools"}
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    assert len(functions) == 1
    *imports, call = functions[0].body
    assert all(isinstance(node, ast.ImportFrom) for node in imports)
    assert isinstance(call, ast.Return)
    assert ast.unparse(call).startswith("return run_step(")
    text = file.read_text(encoding="utf-8").lower()
    assert [word for word in ("select ", "environ", "variable.get", "settings.load") if word in text] == []


def test_no_folder_hides_an_installed_package() -> None:
    assert [path for name in ("airflow", "dbt") for path in (ROOT / name).rglob("__init__.py")] == []
    assert not (ROOT / "tests" / "airflow").exists()
    assert [file.name for file in FILES if file.stem.startswith("dbt")] == [], "dbt imports every dbt_* as a plugin"


def _waits_for(dag: Any) -> str | None:
    condition = getattr(dag.timetable, "asset_condition", None)
    return condition.name if condition else None


def _clock(dag: Any) -> tuple[str, str, int, str]:
    timetable = dag.timetable
    return timetable.expression, str(timetable.timezone), timetable.run_offset, timetable.key_format
