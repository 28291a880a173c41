"""Airflow whose parts are not all on this machine: what the settings say holds, and nothing embedded stands in."""

import json
import os
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from pydantic import SecretStr

from pipeline.airflow_support.runs import open_api
from pipeline.embedded.airflow_environment import airflow_environment
from pipeline.embedded.health import stack_health
from pipeline.embedded.manager import Manager
from pipeline.embedded.stack import Stack
from pipeline.embedded.urls import uses_embedded_postgres
from pipeline.errors import ConfigurationError
from pipeline.settings import Settings

pytestmark = pytest.mark.slow

DATABASE = "postgresql://airflow:sesame@database:5432/metadata"


class _WebServer(BaseHTTPRequestHandler):
    """Airflow's web server, as far as the health of its parts goes. Nobody can sign in."""

    def do_GET(self) -> None:
        if "/dags/" in self.path:
            self.send_error(401)
            return
        body = json.dumps(
            {
                "metadatabase": {"status": "healthy"},
                "scheduler": {"status": "healthy", "latest_scheduler_heartbeat": "2026-01-01T00:00:00+00:00"},
                "dag_processor": {"status": None, "latest_dag_processor_heartbeat": None},
            }
        ).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def web_server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _WebServer) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def settings(tmp_path: Path, web_server: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """As in a container: every server is another machine's."""
    for name in [name for name in os.environ if name.startswith(("TILLROLL_", "AIRFLOW_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setitem(Settings.model_config, "env_file", None)
    return Settings(
        data_dir=tmp_path,
        source_url=SecretStr("postgresql://me:sesame@shop/shop"),
        smtp_url=SecretStr("smtp://inbox:2525"),
        airflow_port=8080,
        airflow_api_url=f"{web_server}/",
        airflow_database_url=SecretStr(DATABASE),
    )


def test_airflow_is_told_where_its_database_and_its_web_server_are(settings: Settings, web_server: str) -> None:
    environment = airflow_environment(settings)

    assert environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] == DATABASE.replace("://", "+psycopg2://")
    assert environment["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == f"{web_server}/execution/"


def test_people_are_sent_to_the_address_that_they_can_open(settings: Settings) -> None:
    assert airflow_environment(settings)["AIRFLOW__API__BASE_URL"] == "http://127.0.0.1:8080"
    with open_api(settings) as api:
        assert api.url == "http://127.0.0.1:8080"


def test_a_login_that_is_refused_is_named_with_the_server(settings: Settings, web_server: str) -> None:
    with open_api(settings) as api, pytest.raises(ConfigurationError, match=f"{web_server} refuses the login"):
        api.get("/dags/any")


def test_the_health_is_that_of_the_servers_in_use(settings: Settings) -> None:
    found = {server.server: server.ok for server in stack_health(settings)}

    assert found == {
        "sentinel": False, "Airflow web": True, "Airflow database": True, "Airflow scheduler": True,
        "Airflow DAG processor": False,
    }  # fmt: skip


@pytest.mark.parametrize("embedded", ["source_url", "airflow_database_url"])
def test_the_embedded_server_runs_for_as_long_as_one_database_is_in_it(settings: Settings, embedded: str) -> None:
    one_is = settings.model_copy(update={embedded: None})

    assert [uses_embedded_postgres(s) for s in (one_is, settings)] == [True, False]
    assert [Manager(s)._variables()["STACK_POSTGRES"] for s in (one_is, settings)] == ["true", "false"]
    assert stack_health(one_is)[0].server == "PostgreSQL"


def test_up_does_not_start_a_second_airflow(settings: Settings) -> None:
    with pytest.raises(ConfigurationError, match="TILLROLL_AIRFLOW_API_URL"):
        Stack(settings).up()
