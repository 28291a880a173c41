"""Ports: each server of each data folder gets one of its own, and keeps it.

The first guess follows from the data folder's path, so that two checkouts rarely want the same one; it lies below the
range from which systems take ports for outgoing connections, so that a kept port stays free while its server is down.
"""

import logging
import socket
import zlib

from pipeline.embedded.state import State
from pipeline.errors import ConfigurationError
from pipeline.settings import Settings

logger = logging.getLogger(__name__)

FIRST, COUNT = 20_000, 10_000


def port(settings: Settings, server: str) -> int:
    """The port of a server (`postgres`, `airflow`, `smtp`, …): the setting's, else the one that was found once."""
    return _configured(settings, server) or _state(settings).get_or_make(server, lambda: _find(settings, server))


def port_to_listen(settings: Settings, server: str) -> int:
    """The server's port, free to listen on now. Another is found, and said, when a program took the kept one.

    Raises:
        ConfigurationError: a setting names the port, and it is taken.
    """
    wanted = port(settings, server)
    if _is_free(settings.host, wanted):
        return wanted
    if _configured(settings, server):
        raise ConfigurationError(
            f"port {wanted} for {server} is taken by another program",
            f"Stop that program, or set TILLROLL_{server.upper()}_PORT to another port (0 finds one).",
        )
    found = _find(settings, server)
    _state(settings).put(server, found)
    logger.warning("port %s is taken by another program: %s now has port %s", wanted, server, found)
    return found


def address(settings: Settings, number: int) -> str:
    """`host:port` to connect to: a server that listens on every address is reached on this machine's own."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104 - compared, not bound
    return f"[{host}]:{number}" if ":" in host else f"{host}:{number}"


def _configured(settings: Settings, server: str) -> int:
    return int(getattr(settings, f"{server}_port", 0))


def _state(settings: Settings) -> State:
    return State(settings.data / "run" / "ports.json")


def _find(settings: Settings, server: str) -> int:
    guess = zlib.crc32(f"{settings.data}:{server}".encode())
    taken = set(_state(settings).read().values())
    for offset in range(COUNT):
        candidate = FIRST + (guess + offset) % COUNT
        if candidate not in taken and _is_free(settings.host, candidate):
            return candidate
    raise ConfigurationError(
        f"no free port on {settings.host} for {server}", "Is TILLROLL_HOST this machine's address?"
    )


def _is_free(host: str, number: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: TIME_WAIT is no obstacle
        try:
            probe.bind((host, number))
        except OSError:
            return False
        return True
