"""Something between Google's client and the emulator: real HTTP that is refused, lost, busy or damaged as a test plans.

The emulators never refuse and never fail; the services do.
"""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

# The answer to a request that is not passed on: its status and its body.
Answer = tuple[int, dict[str, Any]]


def refusal(code: int, reason: str, message: str) -> Answer:
    """A service's answer in Google's form."""
    return code, {"error": {"code": code, "message": message, "errors": [{"reason": reason, "message": message}]}}


@dataclass
class Fault:
    """What happens to the next `times` requests whose line (`PUT /path?query`) matches.

    `answer`: they are answered so, and not passed on. `lose`: they are passed on, and the connection breaks before the
    answer. `damage`: what is passed on of their body.
    """

    matching: str
    answer: Answer | None = None
    lose: bool = False
    damage: Callable[[bytes], bytes] = bytes
    times: int = 1


@dataclass
class Between:
    """The way to a service. `url` takes the service's place; `requests` are the lines of all requests."""

    url: str
    faults: list[Fault] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def fault(self, line: str) -> Fault | None:
        """The fault of a request, which counts as one of its times."""
        self.requests.append(line)
        for fault in self.faults:
            if fault.times and re.search(fault.matching, line):
                fault.times -= 1
                return fault
        return None


@contextmanager
def between(service: str = "") -> Iterator[Between]:
    """A way to the service at this URL; without one, whatever no fault answers is not found."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            fault = way.fault(f"{self.command} {self.path}")
            if fault and fault.answer:
                self.reply(fault.answer[0], json.dumps(fault.answer[1]).encode(), {"Content-Type": "application/json"})
                return
            if not service:
                self.reply(404, b"", {})
                return
            status, content, headers = self.pass_on(fault.damage(body) if fault else body)
            if fault and fault.lose:
                self.close_connection = True
                return
            self.reply(status, content, headers)

        do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = handle_one  # noqa: N815 - http.server's names

        def pass_on(self, body: bytes) -> tuple[int, bytes, dict[str, str]]:
            connection = HTTPConnection(urlsplit(service).netloc)
            headers = {name: value for name, value in self.headers.items() if name.lower() != "content-length"}
            try:
                connection.request(self.command, self.path, body, headers)
                answer = connection.getresponse()
                return answer.status, answer.read(), dict(answer.getheaders())
            finally:
                connection.close()

        def reply(self, status: int, content: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                if name.lower() not in {"content-length", "connection", "transfer-encoding", "server", "date"}:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Keep the tests' output clean."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        way = Between(f"http://127.0.0.1:{server.server_port}")
        thread = Thread(target=server.serve_forever, args=[0.02], daemon=True)
        thread.start()
        try:
            yield way
        finally:
            server.shutdown()
            thread.join()
