"""A real SMTP server that can be away, hang, or reject a recipient, and that knows when each mail arrived."""

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller

HOST = "127.0.0.1"
_DIGEST = re.compile(r"(\d+) alerts, the first: (.+)")
# A long title goes on in the next line.
_LISTED = re.compile(r"^  - \d\d:\d\d:\d\d (.+(?:\n {4}\S.*)*)$", re.MULTILINE)


@dataclass(frozen=True)
class Arrived:
    """Something that reached people: when, how many alerts it tells of (a digest of many), and the titles it names."""

    at: datetime
    titles: tuple[str, ...]
    alerts: int
    size: int


class MailServer:
    """An aiosmtpd handler, and the server that it is the handler of."""

    def __init__(self) -> None:
        self.port = free_port()
        self.arrived: list[Arrived] = []
        self._rejected = ""
        self._server: Controller | None = None

    @property
    def url(self) -> str:
        return f"smtp://{HOST}:{self.port}"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802 - aiosmtpd's name
        if address == self._rejected:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        message = BytesParser(policy=default).parsebytes(envelope.original_content)
        self.arrived.append(arrived(message, len(envelope.original_content)))
        return "250 OK"

    def start(self) -> None:
        self._server = Controller(self, hostname=HOST, port=self.port)
        self._server.start()

    def stop(self) -> None:
        if self._server:
            self._server.stop()
            self._server = None

    @contextmanager
    def away(self) -> Iterator[None]:
        """Connections are refused meanwhile."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """Connections are taken meanwhile, and nothing is ever answered."""
        with self.away(), socket.create_server((HOST, self.port)):
            yield

    @contextmanager
    def rejecting(self, address: str) -> Iterator[None]:
        """There is no such mailbox meanwhile."""
        self._rejected = address
        try:
            yield
        finally:
            self._rejected = ""


def arrived(message: EmailMessage, size: int) -> Arrived:
    """What a message that arrives now tells of."""
    now, subject = datetime.now(UTC), str(message["Subject"]).removeprefix("[Tillroll] ")
    if not (many := _DIGEST.fullmatch(subject)):
        return Arrived(now, (subject,), 1, size)
    text = message.get_body(("plain",))
    others = _LISTED.findall(text.get_content().replace("\r\n", "\n")) if text else ()
    return Arrived(now, (many[2], *(" ".join(title.split()) for title in others)), int(many[1]), size)


def free_port() -> int:
    with socket.create_server((HOST, 0)) as listening:
        return int(listening.getsockname()[1])
