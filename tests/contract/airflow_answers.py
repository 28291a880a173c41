"""A web server that answers as Airflow's API does, for tests of what is made of its answers."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

# What it says to a path and its parameters: a document, or several, a line each.
Answer = Callable[[str, dict[str, str]], Any]


@contextmanager
def answering(answer: Answer) -> Iterator[str]:
    """The server's URL. Whoever asks for a token gets one; paths come without what all have in common."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
            self._say(answer(unquote(parts.path).removeprefix("/api/v2"), asked))

        def do_POST(self) -> None:
            self._say({"access_token": "x"})

        def _say(self, document: Any) -> None:
            self.send_response(200)
            self.end_headers()
            lines = document if isinstance(document, Iterator) else [document]
            with suppress(ConnectionError):  # whoever asked has read enough
                for line in lines:
                    self.wfile.write(json.dumps(line).encode() + b"\n")

        def log_message(self, *_: object) -> None:
            """Keep the tests' output clean."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=[0.02], daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()
