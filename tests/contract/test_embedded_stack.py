"""All of the laptop's servers for real: up, killed one by one, and down without a trace."""

import json
import os
import re
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import psutil
import pytest

from pipeline.alerts import smtp
from pipeline.embedded import started_with
from pipeline.embedded.health import stack_health
from pipeline.embedded.postgres import EmbeddedPostgres
from pipeline.embedded.stack import Stack
from pipeline.embedded.urls import smtp_url
from pipeline.errors import StepError
from pipeline.settings import Settings

pytestmark = pytest.mark.slow

TILLROLL = "from pipeline.cli import main; main()"
PROGRAMS = ("postgres", "inbox", "sentinel", "dashboard", "api-server", "scheduler", "dag-processor")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Servers that are up, in a folder whose path is too long for a Unix socket, and hard to quote."""
    folder = tmp_path_factory.mktemp("stack") / 'a 100% "deep" ;checkout #1' / "/".join(["folder"] * 15)
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("TILLROLL_", "AIRFLOW_"))]:
            patch.delenv(name)
        patch.setenv("TILLROLL_DATA_DIR", str(folder))
        stack = Stack(Settings.load())
        try:
            assert stack.up()
            yield stack
        finally:
            stack.down()


def _processes(stack: Stack) -> set[psutil.Process]:
    """The manager, everything below it, and PostgreSQL with its keeper."""
    manager = stack.manager._process()
    postmaster = EmbeddedPostgres(stack.settings).cluster.server()
    assert manager is not None
    assert postmaster is not None
    tops = [manager, postmaster.parents()[0]]
    return {*tops, *(process for top in tops for process in top.children(recursive=True))}


def _ports(stack: Stack) -> list[list[str]]:
    """The ports at which each server says it answers. What else it says may change: the sentinel tells what it sees."""
    return [re.findall(r"\b\d{4,5}\b", server.detail) for server in stack_health(stack.settings)]


def _pid(stack: Stack, program: str) -> int:
    return next(p.pid for p in stack.manager.programs() if p.name == program)


def _wait_until_healthy(stack: Stack, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while unwell := [server for server in stack_health(stack.settings) if not server.ok]:
        assert time.monotonic() < deadline, unwell
        time.sleep(0.2)


def test_up_again_changes_nothing(stack: Stack) -> None:
    before, began = _processes(stack), time.monotonic()
    assert not stack.up()
    assert time.monotonic() - began < 5
    assert {program: _pid(stack, program) for program in PROGRAMS}.keys() == set(PROGRAMS)
    assert before & _processes(stack) >= {psutil.Process(_pid(stack, program)) for program in PROGRAMS}


def test_setting_that_changed_meanwhile_is_named(stack: Stack, caplog: pytest.LogCaptureFixture) -> None:
    assert stack.manager.changed_settings() == []
    changed = Settings(lookback=stack.settings.lookback + 1)
    assert not Stack(changed).up()
    assert "TILLROLL_LOOKBACK" in caplog.text


def test_code_that_changed_meanwhile_is_said(
    stack: Stack, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert not stack.manager.code_has_changed()
    (tmp_path / "new.py").write_text("")
    monkeypatch.setattr(started_with, "CODE", (*started_with.CODE, tmp_path))
    assert not stack.up()
    assert "the code changed since the servers started: `tillroll down`, then `tillroll up`" in caplog.messages


def test_nothing_listens_beyond_this_machine(stack: Stack) -> None:
    listening = {
        connection.laddr[0]
        for process in _processes(stack)
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening == {"127.0.0.1"}


def test_secrets_are_in_private_files_and_in_no_command_line(stack: Stack) -> None:
    data = stack.settings.data
    files = [data / "postgres" / "secrets.json", data / "airflow" / "secrets.json", data / "airflow" / "passwords.json"]
    secrets = [str(secret) for file in files for secret in json.loads(file.read_text()).values()]
    assert len(secrets) == 7
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert {stat.S_IMODE((data / name).stat().st_mode) for name in ("run", "mail", "airflow")} == {0o700}
    command_lines = " ".join(" ".join(process.cmdline()) for process in _processes(stack))
    logs = " ".join(file.read_text(errors="replace") for file in (data / "run" / "logs").iterdir())
    assert [secret for secret in secrets if secret in command_lines or secret in logs] == []


def test_message_arrives_in_the_mail_folder(stack: Stack) -> None:
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = "hello", "a@example.org", "b@example.org"
    smtp.send(message, smtp_url(stack.settings))
    assert "Subject: hello" in "".join(file.read_text() for file in (stack.settings.data / "mail").glob("*.eml"))


def test_airflows_own_command_line_works_and_the_pools_are_there(stack: Stack) -> None:
    listed = subprocess.run(
        [sys.executable, "-P", "-c", TILLROLL, "airflow", "pools", "list", "-o", "json"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert {pool["pool"]: pool["slots"] for pool in json.loads(listed.stdout)}["warehouse"] == "1"


@pytest.mark.parametrize("program", PROGRAMS)
def test_program_that_is_killed_is_started_again_and_leaves_nothing(stack: Stack, program: str) -> None:
    before = _pid(stack, program)
    if program == "postgres":
        victim = EmbeddedPostgres(stack.settings).cluster.server()
    else:
        victim = psutil.Process(before).children()[0]  # the program proper, below its keeper
    assert victim is not None
    family = [victim, *victim.children(recursive=True)]
    victim.kill()
    assert not psutil.wait_procs(family, timeout=30)[1]
    deadline = time.monotonic() + 60
    while _pid(stack, program) in {0, before}:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    _wait_until_healthy(stack)


def test_killed_manager_takes_all_along_and_up_brings_all_back(stack: Stack) -> None:
    processes = _processes(stack)
    manager = stack.manager._process()
    assert manager is not None
    ports_before = _ports(stack)
    manager.kill()
    assert stack.up()  # at once: it waits for what is still ending
    assert not psutil.wait_procs(processes, timeout=1)[1]
    assert _ports(stack) == ports_before


def test_down_leaves_nothing_and_may_be_repeated(stack: Stack) -> None:
    processes = _processes(stack)
    assert stack.down()
    assert not psutil.wait_procs(processes, timeout=1)[1]
    assert not stack.down()
    assert [path.name for path in Path(stack.settings.data / "run").iterdir() if path.suffix in {".pid", ".sock"}] == []


def test_server_that_keeps_crashing_is_named_and_all_is_stopped(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    stack.down()
    monkeypatch.setenv("AIRFLOW__CORE__PARALLELISM", "many")
    with pytest.raises(StepError, match=r"(?s)scheduler keeps crashing.*parallelism.*airflow-scheduler\.log"):
        stack.up()
    assert not stack.is_up()
