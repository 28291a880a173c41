"""How dbt is called and what is made of its answers; the answers of a real dbt are looked at in tests/warehouse."""

import logging
import re
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.errors import StepError
from pipeline.progress import silent
from pipeline.reports import Warned
from pipeline.settings import Settings
from pipeline.transform_dbt import Build, _close_files, _counts, _failure, _unwritable_log, _Watcher, run_dbt

PROJECT = Path("/shop/dbt")


def option(arguments: list[str], name: str) -> str:
    return arguments[arguments.index(name) + 1]


def changed_days(build: Build) -> str:
    return build.environment()["TILLROLL_DBT_CHANGED_DAYS"]


def test_changed_days_are_passed_as_texts(tmp_path: Path) -> None:
    build = Build(PROJECT, "core", [date(2025, 1, 1), date(2025, 2, 1)])

    assert changed_days(build) == '["2025-01-01", "2025-02-01"]'
    assert "--full-refresh" not in build.arguments(tmp_path)


def test_a_log_that_does_not_fit_on_the_disk_hides_no_other_failure(capsys: pytest.CaptureFixture[str]) -> None:
    log = logging.getLogger("file_log")
    log.addHandler(logging.FileHandler("/dev/full"))

    with _unwritable_log():
        log.error("a line")
    _close_files()

    assert log.handlers == []
    assert capsys.readouterr().err == ""
    assert logging.raiseExceptions


def test_no_changed_day_is_not_every_day() -> None:
    assert changed_days(Build(PROJECT, "core", ())) == "[]"


def test_everything_is_a_full_refresh(tmp_path: Path) -> None:
    build = Build(PROJECT, "core", None)

    assert changed_days(build) == "null"
    assert "--full-refresh" in build.arguments(tmp_path)


def test_dbt_writes_below_its_run_folder_and_tells_nobody(tmp_path: Path) -> None:
    arguments = Build(PROJECT, "core", ()).arguments(tmp_path)

    assert option(arguments, "--target-path").startswith(str(tmp_path))
    assert option(arguments, "--log-path").startswith(str(tmp_path))
    assert "--no-send-anonymous-usage-stats" in arguments


def test_a_run_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("a file")
    settings = Settings(_env_file=None, data_dir=tmp_path)

    with pytest.raises(StepError, match=re.escape(f"cannot make the folder {tmp_path / 'run' / 'dbt'}")) as failure:
        run_dbt(settings, Build(PROJECT, "core", ()), silent, lambda: None)

    assert "permissions" in failure.value.remedy


def result(name: str, status: str, kind: str = "test", failures: int | None = 0, on: str | None = None) -> Any:
    node = SimpleNamespace(
        name=name, resource_type=kind, compiled_path=f"target/{name}.sql", compiled_code=f"\nselect '{name}'\n"
    )
    if on:  # as in dbt: only a generic test has the attribute
        node.attached_node = on
    return SimpleNamespace(node=node, status=status, failures=failures, message="Binder Error:\n  no such column")


def test_models_tests_and_quarantined_rows_are_counted() -> None:
    built = _counts(
        [
            result("fact_review", "success", "model"),
            result("snapshot_product", "success", "snapshot"),
            result("unique_fact_review", "pass", on="model.tillroll.fact_review"),
            result("holds_nothing", "warn", failures=3, on="model.tillroll.quarantine_review"),
            result("some_warning", "warn", failures=9, on=None),
        ]
    )

    assert (built.models, built.tests, built.quarantined) == (2, 3, {"review": 3})
    assert built.warned == (Warned("some_warning", "", 9, "select 'some_warning'"),)
    assert str(built.warned[0]) == "dbt test some_warning found 9 rows"


def test_a_failed_test_is_named_with_its_model_its_rows_and_its_sql() -> None:
    failed = [
        result("a", "fail", failures=2, on="model.tillroll.m"),
        result("b", "fail", failures=1, on="model.tillroll.n"),
        result("c", "error"),
    ]
    error = _failure(PROJECT, failed, Path("dbt.log"))

    assert error.message == "dbt test a on m found 2 rows that must not be (and 2 more: b on n: 1 row, c)"
    assert "/shop/dbt/target/a.sql selects them" in error.remedy
    assert error.evidence == "select 'a'"


def test_a_failed_model_is_named_with_its_error_and_its_sql() -> None:
    error = _failure(PROJECT, [result("m", "error", "model", failures=None)], Path("dbt.log"))

    assert error.message == "dbt model m failed: Binder Error: no such column"
    assert "target/m.sql" in error.remedy
    assert "dbt.log" in error.remedy


def test_a_failure_without_a_name_points_at_the_log() -> None:
    assert isinstance(_failure(PROJECT, [], Path("dbt.log")), StepError)
    assert "dbt.log" in _failure(PROJECT, [], Path("dbt.log")).remedy


def test_finished_nodes_are_progress() -> None:
    seen: list[tuple[str, int, int]] = []
    watcher = _Watcher(lambda *news: seen.append(news), "build core", lambda: None)

    for name in ("NodeFinished", "LogStartLine", "NodeFinished", "MainReportVersion"):
        node = SimpleNamespace(resource_type="model")
        watcher(SimpleNamespace(info=SimpleNamespace(name=name), data=SimpleNamespace(total=5, node_info=node)))

    assert seen == [("build core", 1, 1), ("build core", 2, 5)]
