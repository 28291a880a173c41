"""State files, ports and locks: what several processes must agree on."""

import errno
import multiprocessing
import os
import socket
import stat
from pathlib import Path

import pytest
from filelock import FileLock

from pipeline.embedded import ports, state
from pipeline.embedded.locks import UseLock
from pipeline.embedded.state import State
from pipeline.errors import ConfigurationError, StepError, TransientError
from pipeline.settings import Settings


def _settings(folder: Path, **changes: object) -> Settings:
    return Settings(data_dir=folder, host="127.0.0.1", **changes)  # type: ignore[arg-type]


def _make(path: Path, mine: str, answers: "multiprocessing.Queue[str | int]") -> None:
    answers.put(State(path).get_or_make("secret", lambda: mine))


def test_state_is_kept_and_private(tmp_path: Path) -> None:
    kept = State(tmp_path / "run" / "state.json")
    assert kept.get_or_make("password", lambda: "first") == "first"
    assert State(kept.path).get_or_make("password", lambda: "second") == "first"
    kept.put("port", 4711)
    assert kept.read() == {"password": "first", "port": 4711}
    assert stat.S_IMODE(kept.path.stat().st_mode) == 0o600
    assert [path.name for path in kept.path.parent.iterdir() if path.name.startswith(".")] == []


def test_processes_that_ask_at_once_get_the_same(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    asked = [context.Process(target=_make, args=(tmp_path / "s.json", f"made by {n}", answers)) for n in range(4)]
    for process in asked:
        process.start()
    given = {answers.get(timeout=30) for _ in asked}
    for process in asked:
        process.join()
        process.close()
    answers.close()
    answers.join_thread()
    assert len(given) == 1


@pytest.mark.parametrize("content", ["", "not json", "[1]"])
def test_damaged_state_is_named_and_left_alone(tmp_path: Path, content: str) -> None:
    path = tmp_path / "state.json"
    path.write_text(content)
    with pytest.raises(ConfigurationError, match=r"state\.json"):
        State(path).get_or_make("password", lambda: "new")
    assert path.read_text() == content


def test_state_that_another_process_keeps_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "LOCK_SECONDS", 0.1)
    with FileLock(tmp_path / "state.json.lock"), pytest.raises(TransientError, match=r"kept .*state\.json"):
        State(tmp_path / "state.json").put("port", 1)


def test_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ConfigurationError, match=r"cannot make the folder .*file/run") as raised:
        State(tmp_path / "file" / "run" / "state.json").put("port", 1)
    assert "TILLROLL_DATA_DIR" in raised.value.remedy


@pytest.mark.parametrize("in_the_way", ["state.json", "state.json.lock"])
def test_state_that_cannot_be_written_is_named(tmp_path: Path, in_the_way: str) -> None:
    (tmp_path / in_the_way / "a folder").mkdir(parents=True)
    with pytest.raises((StepError, ConfigurationError), match=r"cannot .*state\.json"):
        State(tmp_path / "state.json").put("port", 1)


def test_full_disk_leaves_what_was_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = State(tmp_path / "state.json")
    known.put("port", 1)

    def fail(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(state.os, "fsync", fail)
    with pytest.raises(StepError, match=r"cannot write .*state\.json: No space left on device"):
        known.put("port", 2)
    monkeypatch.undo()
    assert known.read() == {"port": 1}


def test_ports_are_kept_and_differ_between_servers_and_folders(tmp_path: Path) -> None:
    here, there = _settings(tmp_path / "here"), _settings(tmp_path / "there")
    found = [ports.port(settings, server) for settings in (here, there) for server in ("postgres", "airflow", "smtp")]
    assert len(set(found)) == len(found)
    assert ports.port(_settings(tmp_path / "here"), "postgres") == found[0]


def test_configured_port_is_used(tmp_path: Path) -> None:
    assert ports.port(_settings(tmp_path, postgres_port=12345), "postgres") == 12345


def test_kept_port_that_is_taken_moves_and_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    settings = _settings(tmp_path)
    kept = ports.port(settings, "smtp")
    assert ports.port_to_listen(settings, "smtp") == kept
    with socket.create_server(("127.0.0.1", kept)):
        moved = ports.port_to_listen(settings, "smtp")
    assert moved != kept
    assert ports.port(settings, "smtp") == moved
    assert str(kept) in caplog.text
    assert str(moved) in caplog.text


def test_configured_port_that_is_taken_is_an_error(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = _settings(tmp_path, smtp_port=taken.getsockname()[1])
        with pytest.raises(ConfigurationError, match="TILLROLL_SMTP_PORT"):
            ports.port_to_listen(settings, "smtp")


def test_server_that_listens_everywhere_is_reached_on_loopback(tmp_path: Path) -> None:
    assert ports.address(Settings(data_dir=tmp_path, host="0.0.0.0"), 1) == "127.0.0.1:1"  # noqa: S104
    assert ports.address(Settings(data_dir=tmp_path, host="::"), 1) == "[::1]:1"


def test_lock_tells_whether_anybody_is_there(tmp_path: Path) -> None:
    first, second, keeper = (UseLock(tmp_path / "in-use.lock") for _ in range(3))
    assert not first.is_used()
    assert first.use(0)
    assert second.use(0)
    assert keeper.is_used()
    assert not keeper.take_over()
    first.release()
    assert not keeper.take_over()
    second.release()
    assert keeper.take_over()
    assert not second.use(0.1)
    assert not second.is_used()
    keeper.release()
    assert second.use(0)
    second.release()
