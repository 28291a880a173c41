"""XML-RPC over a Unix socket, which is how supervisord is spoken to."""

import http.client
import socket
import xmlrpc.client
from pathlib import Path

SECONDS = 10.0


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(SECONDS)
        try:
            self.sock.connect(str(self._path))
        except OSError:
            self.close()
            raise


class UnixTransport(xmlrpc.client.Transport):
    """For `ServerProxy("http://localhost", transport=…)`."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def make_connection(self, host: object) -> http.client.HTTPConnection:
        connection = _Connection(self._path)
        self._connection = (None, connection)  # where the base class looks for what it has to close
        return connection
