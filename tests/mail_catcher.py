"""A real SMTP server that keeps what it is sent, for tests of alerts."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

USER, PASSWORD = "tillroll", "pa ss/w@rd"


class MailCatcher:
    """An aiosmtpd handler. `answer` is what the server says to each message, `refused` what it says to recipients."""

    def __init__(self, answer: str = "250 OK") -> None:
        self.answer = answer
        self.refused: dict[str, str] = {}
        self.messages: list[EmailMessage] = []
        self.reached: list[str] = []
        self.raw: list[bytes] = []
        self.port = 0

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.reached += envelope.rcpt_tos if self.answer.startswith("250") else []
        self.raw.append(envelope.original_content)
        self.messages.append(BytesParser(policy=default).parsebytes(envelope.original_content))
        return self.answer

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"


@contextmanager
def catching_mail(
    *, answer: str = "250 OK", starttls: ssl.SSLContext | None = None, login: bool = False
) -> Iterator[MailCatcher]:
    """A server on a free port of 127.0.0.1; `starttls` makes it offer TLS, `login` demand USER and PASSWORD."""
    catcher = MailCatcher(answer)
    options: dict[str, Any] = {"tls_context": starttls} if starttls else {}
    if login:
        options |= {"authenticator": _authenticate, "auth_required": True, "auth_require_tls": bool(starttls)}
    catcher.port = _free_port()  # the controller cannot find one by itself
    controller = Controller(catcher, hostname="127.0.0.1", port=catcher.port, **options)
    controller.start()
    try:
        yield catcher
    finally:
        controller.stop()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def _authenticate(server: Any, session: Any, envelope: Any, mechanism: str, data: LoginPassword) -> AuthResult:
    return AuthResult(success=(data.login.decode(), data.password.decode()) == (USER, PASSWORD), handled=False)
