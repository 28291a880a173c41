"""What `tillroll up` can say about servers that run: which settings, and whether the code, are others than theirs."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from pipeline.embedded import started_with
from pipeline.embedded.manager import Manager
from pipeline.settings import Settings

URL = "postgresql://me:{}@db/shop"
OLD = "hunter2"


def _settings(folder: Path, password: str | None = OLD, **others: object) -> Settings:
    url = SecretStr(URL.format(password)) if password else None
    return Settings(data_dir=folder, source_url=url, **others)  # type: ignore[arg-type]


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package with one module, in place of the project's."""
    folder = tmp_path / "package" / "sub"
    folder.mkdir(parents=True)
    (folder / "module.py").write_text("x = 1\n")
    monkeypatch.setattr(started_with, "CODE", (folder.parent,))
    return folder


@pytest.fixture
def start(tmp_path: Path, code: Path) -> Iterator[Callable[[Settings], None]]:
    """Starts a process that passes for the manager: it has the environment that the manager is given."""
    started = []

    def run(settings: Settings) -> None:
        manager = Manager(settings)
        manager.run.mkdir(parents=True)
        sleep = [sys.executable, "-c", "print(flush=True); import time; time.sleep(600)"]
        process = subprocess.Popen(sleep, env={**os.environ, **manager._variables()}, stdout=subprocess.PIPE)
        started.append(process)
        assert process.stdout
        process.stdout.readline()
        (manager.run / "supervisord.pid").write_text(str(process.pid))

    yield run
    for process in started:
        process.kill()
        process.communicate()


def test_nothing_has_changed(tmp_path: Path, start: Callable[[Settings], None]) -> None:
    start(_settings(tmp_path))
    assert Manager(_settings(tmp_path)).changed_settings() == []
    assert not Manager(_settings(tmp_path)).code_has_changed()


@pytest.mark.parametrize("password", ["hunter3", None])
def test_password_that_has_changed_is_noticed(
    tmp_path: Path, start: Callable[[Settings], None], password: str | None
) -> None:
    start(_settings(tmp_path))
    assert Manager(_settings(tmp_path, password, lookback=3)).changed_settings() == [
        "TILLROLL_SOURCE_URL",
        "TILLROLL_LOOKBACK",
    ]


def test_password_that_was_not_there_before_is_noticed(tmp_path: Path, start: Callable[[Settings], None]) -> None:
    start(_settings(tmp_path, None))
    assert Manager(_settings(tmp_path)).changed_settings() == ["TILLROLL_SOURCE_URL"]


def test_no_secret_is_kept_and_none_can_be_looked_up(tmp_path: Path) -> None:
    first, second = (started_with.described(_settings(tmp_path)) for _ in range(2))
    assert "hunter2" not in json.dumps([first, second])
    assert first["source_url"] != second["source_url"]


@pytest.mark.parametrize("change", ["edit", "add", "remove", "rename"])
def test_code_that_has_changed_is_noticed(
    tmp_path: Path, code: Path, start: Callable[[Settings], None], change: str
) -> None:
    start(_settings(tmp_path))
    module = code / "module.py"
    if change == "edit":
        module.write_text("x = 2\n")
    elif change == "add":
        (code / "other.py").write_text("")
    elif change == "remove":
        module.unlink()
    else:
        module.rename(code / "renamed.py")
    assert Manager(_settings(tmp_path)).code_has_changed()


def test_code_that_was_only_touched_is_the_same(tmp_path: Path, code: Path, start: Callable[[Settings], None]) -> None:
    start(_settings(tmp_path))
    os.utime(code / "module.py", (0, 0))
    (code / "notes.txt").write_text("no code")
    assert not Manager(_settings(tmp_path)).code_has_changed()


def test_the_projects_own_code_is_looked_at() -> None:
    assert {folder.name for folder in started_with.CODE} == {"pipeline", "ingestion", "dashboard"}
    assert all((folder / "__init__.py").exists() for folder in started_with.CODE)
