"""Something between Google's client and the emulator: real HTTP that is refused, lost, busy or damaged as a test plans.

The emulators never refuse and never fail; the services do.
"""

import json
import re
import socket
import struct
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any
from urllib.parse import urlsplit

# The answer to a request that is not passed on: its status and its body.
Answer = tuple[int, dict[str, Any]]


def refusal(code: int, reason: str, message: str) -> Answer:
    """A service's answer in Google's form."""
    return code, {"error": {"code": code, "message": message, "errors": [{"reason": reason, "message": message}]}}


@dataclass
class Fault:
    """What happens to the next `times` requests whose line (`PUT /path?query`) matches, after the first `skip` of them.

    `answer`: they are answered so, with these `headers`, and not passed on. `cut`: the connection breaks in the middle
    of the request, which is not passed on. `lose`: they are passed on, and the connection breaks before the answer;
    `tear`: in its middle. `late_s`: the answer is kept back for so long. `damage`: what is passed on of their body.
    """

    matching: str
    answer: Answer | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False
    lose: bool = False
    tear: bool = False
    late_s: float = 0
    damage: Callable[[bytes], bytes] = bytes
    skip: int = 0
    times: int = 1


@dataclass
class Between:
    """The way to a service. `url` takes the service's place; `requests` are the lines of all requests."""

    url: str
    faults: list[Fault] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    _one_at_a_time: Lock = field(default_factory=Lock)

    def fault(self, line: str) -> Fault | None:
        """The fault of a request, which counts as one of its times."""
        with self._one_at_a_time:
            self.requests.append(line)
            for fault in self.faults:
                if fault.times and re.search(fault.matching, line):
                    if fault.skip:
                        fault.skip -= 1
                        continue
                    fault.times -= 1
                    return fault
        return None


@contextmanager
def between(service: str = "") -> Iterator[Between]:
    """A way to the service at this URL; without one, whatever no fault answers is not found."""
    with _Server(service) as server:
        thread = Thread(target=server.serve_forever, args=[0.02], daemon=True)
        thread.start()
        try:
            yield server.way
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    """One connection of a client."""

    server: "_Server"
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else an answer's body waits until its header is acknowledged

    def handle_one(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        fault = self.server.way.fault(f"{self.command} {self.path}") or Fault("")
        body = self.rfile.read(length // 2 if fault.cut else length)
        if fault.cut:
            self.break_off()
            return
        if fault.answer:
            answer = json.dumps(fault.answer[1]).encode()
            self.reply(fault.answer[0], answer, {"Content-Type": "application/json", **fault.headers})
            return
        if not self.server.service:
            self.reply(404, b"", {})
            return
        status, content, headers = self.pass_on(fault.damage(body))
        time.sleep(fault.late_s)
        if fault.lose:
            self.break_off()
            return
        with suppress(ConnectionError):  # a client that was killed, or waited long enough, hears no answer
            self.reply(status, content, headers, torn=fault.tear)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = handle_one  # noqa: N815 - http.server's names

    def pass_on(self, body: bytes) -> tuple[int, bytes, dict[str, str]]:
        connection = HTTPConnection(urlsplit(self.server.service).netloc)
        headers = {name: value for name, value in self.headers.items() if name.lower() != "content-length"}
        try:
            connection.request(self.command, self.path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read(), dict(answer.getheaders())
        finally:
            connection.close()

    def reply(self, status: int, content: bytes, headers: Mapping[str, str], *, torn: bool = False) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() not in {"content-length", "connection", "transfer-encoding", "server", "date"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if torn else content)
        if torn:
            self.break_off()

    def break_off(self) -> None:
        """A reset, as from a router that has forgotten the connection; not the end that a server makes of one."""
        self.close_connection = True
        with suppress(OSError):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()

    def log_message(self, *_: object) -> None:
        """Keep the tests' output clean."""


class _Server(ThreadingHTTPServer):
    """Takes the service's place."""

    daemon_threads = True

    def __init__(self, service: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.service, self.way = service, Between(f"http://127.0.0.1:{self.server_port}")

    def handle_error(self, *_: object) -> None:
        """A client that was killed in the middle of a request is no failure of this one."""
