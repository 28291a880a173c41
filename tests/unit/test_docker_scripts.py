"""The scripts in docker/, run for real: passwords are made once and seen by nobody; an unwell Airflow is noticed."""

import json
import re
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from pipeline.settings import ROOT

pytestmark = pytest.mark.slow

COMPOSE = (ROOT / "docker-compose.yml").read_text("utf-8")


def make_secrets(file: Path) -> str:
    """What the script says."""
    script = ROOT / "docker" / "secrets.sh"
    made = subprocess.run(["/bin/sh", script, file], capture_output=True, text=True, check=True)
    return made.stdout + made.stderr


def passwords(file: Path) -> dict[str, str]:
    return dict(re.findall(r"^(\w+_PASSWORD)=(.+)$", file.read_text(), re.MULTILINE))


def test_it_makes_what_compose_requires(tmp_path: Path) -> None:
    make_secrets(tmp_path / ".env")

    made = passwords(tmp_path / ".env")

    assert set(made) == set(re.findall(r"\$\{(\w+):\?", COMPOSE))
    assert len(set(made.values())) == len(made)
    assert [value for value in made.values() if not re.fullmatch(r"[0-9a-f]{48}", value)] == []


def test_only_the_owner_may_read_them(tmp_path: Path) -> None:
    before = tmp_path / "before"
    before.write_text("TILLROLL_LOOKBACK=3\n")
    before.chmod(0o644)
    for file in (tmp_path / "new", before):
        make_secrets(file)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_they_are_not_shown(tmp_path: Path) -> None:
    said = make_secrets(tmp_path / ".env") + make_secrets(tmp_path / ".env")

    assert [value for value in passwords(tmp_path / ".env").values() if value in said] == []


def test_what_is_there_stays(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("# mine\nAIRFLOW_DATABASE_PASSWORD=sesame\nTILLROLL_LOOKBACK=3")

    make_secrets(file)
    once = file.read_text()
    make_secrets(file)

    assert once.startswith("# mine\nAIRFLOW_DATABASE_PASSWORD=sesame\nTILLROLL_LOOKBACK=3\n")
    assert file.read_text() == once
    assert passwords(file)["AIRFLOW_DATABASE_PASSWORD"] == "sesame"  # noqa: S105


def test_an_empty_password_is_none(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("#SHOP_DATABASE_PASSWORD=\nSHOP_DATABASE_PASSWORD=\n")

    make_secrets(file)

    assert len(passwords(file)["SHOP_DATABASE_PASSWORD"]) == 48


@pytest.fixture
def ask_health(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., subprocess.CompletedProcess[str]]]:
    """Asks the script, with a web server behind it that gives this answer."""
    answers: list[bytes] = []

    class WebServer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(answers[-1])))
            self.end_headers()
            self.wfile.write(answers[-1])

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), WebServer) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("TILLROLL_AIRFLOW_API_URL", f"http://127.0.0.1:{server.server_port}")

        def ask(answer: object, *part: str) -> subprocess.CompletedProcess[str]:
            answers.append(json.dumps(answer).encode())
            script = ROOT / "docker" / "airflow_health.py"
            return subprocess.run([sys.executable, "-I", script, *part], capture_output=True, text=True, check=False)

        yield ask
        server.shutdown()


HEALTHY = {"scheduler": {"status": "healthy"}, "dag_processor": {"status": "healthy"}}


@pytest.mark.parametrize("part", [[], ["scheduler"], ["dag_processor"]])
def test_airflow_is_well(ask_health: Callable[..., subprocess.CompletedProcess[str]], part: list[str]) -> None:
    answer = ask_health(HEALTHY, *part)

    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("answer", "part", "ailment"),
    [
        (HEALTHY | {"scheduler": {"status": "unhealthy"}}, "scheduler", "scheduler: unhealthy"),
        (HEALTHY | {"dag_processor": {"status": None}}, "dag_processor", "dag_processor: no heartbeat yet"),
        ({}, "scheduler", "no answer"),
        ("another program", "scheduler", "no answer"),
    ],
)
def test_a_part_that_is_unwell_is_named(
    ask_health: Callable[..., subprocess.CompletedProcess[str]], answer: object, part: str, ailment: str
) -> None:
    found = ask_health(answer, part)

    assert found.returncode == 1
    assert ailment in found.stderr


def test_no_web_server_is_unwell(
    ask_health: Callable[..., subprocess.CompletedProcess[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TILLROLL_AIRFLOW_API_URL", "http://127.0.0.1:9")

    assert ask_health(HEALTHY).returncode == 1


def test_the_scripts_question_is_the_containers() -> None:
    asked = re.findall(r"docker/airflow_health\.py(?:, (\w+))?\]", COMPOSE)

    assert sorted(asked) == ["", "dag_processor", "scheduler"]
