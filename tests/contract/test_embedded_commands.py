"""The servers' commands, where no server runs."""

import os
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict
from typer.testing import CliRunner

from pipeline.cli import servers as _commands  # noqa: F401 - adds the commands
from pipeline.cli.app import app

runner = CliRunner()


@pytest.fixture(autouse=True)
def _fresh_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("TILLROLL_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TILLROLL_DATA_DIR", str(tmp_path))


def test_url_of_a_server_that_is_down_is_printed_alone_with_a_hint_beside_it() -> None:
    first, second = (runner.invoke(app, ["url", "source"]) for _ in range(2))
    assert first.exit_code == 0
    assert first.stdout == second.stdout
    [line] = first.stdout.splitlines()
    parts = conninfo_to_dict(line)
    assert (parts["host"], parts["user"], parts["dbname"]) == ("127.0.0.1", "tillroll", "shop")
    assert len(str(parts["password"])) >= 20
    assert "tillroll up" in first.stderr


def test_url_of_ones_own_server_is_what_was_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TILLROLL_SOURCE_URL", "postgresql://me:secret@db.example.org/sales")
    monkeypatch.setenv("TILLROLL_SMTP_URL", "smtps://mail.example.org")
    assert runner.invoke(app, ["url", "source"]).output == "postgresql://me:secret@db.example.org/sales\n"
    assert runner.invoke(app, ["url", "smtp"]).output == "smtps://mail.example.org\n"


@pytest.mark.parametrize(("place", "beginning"), [("lake", "file:///"), ("warehouse", "duckdb:///")])
def test_url_of_a_file_needs_no_server(place: str, beginning: str) -> None:
    result = runner.invoke(app, ["url", place])
    assert result.stdout.startswith(beginning)
    assert result.stderr == ""


def test_url_of_nothing_known_is_wrong_use() -> None:
    assert runner.invoke(app, ["url", "moon"]).exit_code == 2


def test_down_where_nothing_runs_says_so() -> None:
    result = runner.invoke(app, ["down"])
    assert result.exit_code == 0
    assert "No servers were running" in result.stdout


def test_up_with_a_wrong_setting_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TILLROLL_AIRFLOW_PORT", "many")
    result = runner.invoke(app, ["up"])
    assert result.exit_code == 2
    assert "TILLROLL_AIRFLOW_PORT" in result.stderr
