"""A real webhook that takes alerts as JSON, and that may answer 503."""

import json
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from benchmarks.alerts.mail_server import HOST, Arrived


class Webhook:
    """A server on a free port; `is_down` makes it refuse."""

    def __init__(self) -> None:
        self.arrived: list[Arrived] = []
        self.is_down = False
        self._server = ThreadingHTTPServer((HOST, 0), self._handler())

    @property
    def url(self) -> str:
        """As apprise wants it."""
        return f"json://{HOST}:{self._server.server_port}/"

    def start(self) -> None:
        threading.Thread(target=self._server.serve_forever, name="webhook", daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        webhook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if not webhook.is_down:
                    title = str(json.loads(body)["title"]).removeprefix("[Tillroll] ")
                    webhook.arrived.append(Arrived(datetime.now(UTC), (title,), 1, len(body)))
                self.send_response(503 if webhook.is_down else 200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Nobody wants a line for every request."""

        return Handler
