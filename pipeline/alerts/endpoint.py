"""The sentinel's health, for whoever asks by HTTP: a container's health check, a monitor of yours, `tillroll status`.

    GET /health

answers 200 where the sentinel does its work, 503 where it does not, and both times with what it knows of itself. Each
client has a thread of its own, for a few seconds: one that hangs holds nobody up.
"""

import json
import logging
import socketserver
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import AF_INET, AF_INET6
from typing import Any

from pipeline.embedded import ports
from pipeline.settings import Settings

logger = logging.getLogger(__name__)

SERVER = "sentinel"
PATH = "/health"
CLIENT_S = 5.0

# Whether the sentinel is alive, and the whole of what is answered.
Report = Callable[[], tuple[bool, dict[str, Any]]]


def url_of(settings: Settings) -> str:
    """Where the endpoint is, for programs on this machine."""
    return f"http://{ports.address(settings, ports.port(settings, SERVER))}{PATH}"


class Endpoint:
    """Listens on TILLROLL_HOST at TILLROLL_SENTINEL_PORT, once it is opened."""

    def __init__(self, settings: Settings, report: Report) -> None:
        self._settings = settings
        self._report = report
        self._server: _Server | None = None

    def open(self) -> None:
        """Listen, unless it does. Raises OSError: the port is taken, by a second sentinel for instance."""
        if self._server is None:
            address = (self._settings.host, ports.port(self._settings, SERVER))
            self._server = _Server(address, self._report)
            threading.Thread(target=self._server.serve_forever, name="health", daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()


class _Server(ThreadingHTTPServer):
    def __init__(self, address: tuple[str, int], report: Report) -> None:
        self.address_family = AF_INET6 if ":" in address[0] else AF_INET
        self.report = report
        super().__init__(address, _Client)

    def server_bind(self) -> None:
        """As HTTPServer does, but for the name of this machine: to ask for it may take long, and nobody needs it."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]

    def handle_error(self, request: Any, client_address: Any) -> None:
        logger.debug("a client of the health endpoint went away", exc_info=True)


class _Client(BaseHTTPRequestHandler):
    timeout = CLIENT_S
    server: _Server

    def do_GET(self) -> None:
        if self.path.partition("?")[0] != PATH:
            self._answer(HTTPStatus.NOT_FOUND, {"error": f"there is {PATH} here, and nothing else"})
            return
        alive, document = self.server.report()
        self._answer(HTTPStatus.OK if alive else HTTPStatus.SERVICE_UNAVAILABLE, document)

    def _answer(self, status: HTTPStatus, document: dict[str, Any]) -> None:
        body = json.dumps(document, indent=2).encode() + b"\n"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def version_string(self) -> str:
        return "Tillroll"

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - the base class's name
        logger.debug(format, *arguments)
