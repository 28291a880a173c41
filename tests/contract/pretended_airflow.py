"""An Airflow that answers what a test wants it to, over real HTTP: a full pool or a dead database is quickly had so."""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

NOTHING = {"import_errors": [], "task_instances": [], "dag_runs": [], "dags": [], "pools": []}
LISTS = {"importErrors": "import_errors", "taskInstances": "task_instances", "dagRuns": "dag_runs"}


@dataclass
class PretendedAirflow:
    """Its parts' health, and lists by the last word of the path, in pages. Task instances are asked by state."""

    url: str = ""
    healthy: bool = True
    lists: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    logins: int = 0
    asked: int = 0
    tokens: set[str] = field(default_factory=set)

    def answer(self, path: str, asked: dict[str, list[str]]) -> dict[str, Any]:
        name = path.rpartition("/")[2]
        if name == "health":
            return self._health()
        if name == "details":
            return {"doc_md": "", "tags": [{"name": "theirs"}]}
        name = LISTS.get(name, name)
        states = asked.get("state", [])
        found = [item for item in self.lists.get(name, []) if not states or item.get("state") in states]
        pools = asked.get("pool", [])
        found = [item for item in found if not pools or item.get("pool") in pools]
        first, most = (int(asked.get(word, [default])[0]) for word, default in (("offset", "0"), ("limit", "50")))
        return {**NOTHING, name: found[first : first + most]}

    def _health(self) -> dict[str, Any]:
        """As Airflow's `get_airflow_health` has it: without its database it knows of nobody's heartbeat."""
        status, beat = ("healthy", "2026-01-01T00:00:00+00:00") if self.healthy else ("unhealthy", None)
        return {
            "metadatabase": {"status": status},
            "scheduler": {"status": status, "latest_scheduler_heartbeat": beat},
            "dag_processor": {"status": status, "latest_dag_processor_heartbeat": beat},
        }


@contextmanager
def pretended_airflow() -> Iterator[PretendedAirflow]:
    """One on a free port of 127.0.0.1, for as long as the context lasts."""
    airflow = PretendedAirflow()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            airflow.logins += 1
            token = uuid.uuid4().hex
            airflow.tokens.add(token)
            self._send(201, {"access_token": token})

        def do_GET(self) -> None:
            airflow.asked += 1
            url = urlsplit(self.path)
            is_known = (self.headers.get("Authorization") or "").removeprefix("Bearer ") in airflow.tokens
            if not url.path.endswith("/health") and not is_known:
                self._send(401, {"detail": "who are you?"})
            elif not url.path.endswith("/health") and not airflow.healthy:
                self._send(500, {"detail": "no database"})
            else:
                self._send(200, airflow.answer(url.path, parse_qs(url.query)))

        def _send(self, status: int, document: dict[str, Any]) -> None:
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        airflow.url = f"http://127.0.0.1:{server.server_port}"
        yield airflow
        server.shutdown()
        thread.join()
