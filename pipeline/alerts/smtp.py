"""Send a message through the server an URL names: smtp:// (STARTTLS where offered) or smtps:// (TLS from the start)."""

import ipaddress
import smtplib
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any
from urllib.parse import unquote, urlsplit

from pipeline.errors import ConfigurationError, TillrollError, TransientError

DEFAULT_PORTS = {"smtp": 25, "smtps": 465}

# Seconds that a server may take to say that it has a message: it may search it for viruses first. RFC 5321, 4.5.3.2.6,
# grants it ten minutes, since whoever goes away sooner sends it again, and again. What is sent must end some time.
ACCEPTED_S = 60.0


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where to hand in mail. `user` is empty where the server asks for none."""

    scheme: str
    host: str
    port: int
    user: str = ""
    password: str = field(default="", repr=False)

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A recipient that the server takes no mail for, though it does for others: never, or not now."""

    recipient: str
    answer: str
    for_good: bool


class RecipientsRefusedError(ConfigurationError):
    """The server takes no mail for any of the recipients, and never will."""


def parse_smtp_url(url: str) -> SmtpServer:
    """The server `smtp://user:password@host:port` names.

    Raises:
        ConfigurationError: the URL is none of the kind; its text is not repeated, since it may hold a password.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ConfigurationError("the mail server's URL cannot be read", "Look at TILLROLL_SMTP_URL.") from error
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
        raise ConfigurationError(
            f"no mail server is meant by a URL that begins with {parts.scheme or 'nothing'!r}",
            "Write TILLROLL_SMTP_URL as smtp://user:password@host:587 or smtps://user:password@host:465.",
        )
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    return SmtpServer(parts.scheme, parts.hostname, port or DEFAULT_PORTS[parts.scheme], user, password)


def send(message: EmailMessage, url: str, timeout: float = 5.0, accepted_s: float = ACCEPTED_S) -> tuple[Refusal, ...]:
    """Hand the message to the server. `timeout` is in seconds, for each answer; `accepted_s` for that to the message.

    Returns the recipients that were refused where others were not.

    Raises:
        RecipientsRefusedError: each of them was, for good.
        ConfigurationError: the same message would fail again: URL, certificate, login or an address is refused.
        TransientError: the server is away or busy.
    """
    server = parse_smtp_url(url)
    try:
        with _connected(server, timeout) as connection:
            connection.accepted_s = accepted_s
            refused = connection.send_message(message)
    except (OSError, smtplib.SMTPException) as error:
        raise _explained(error, server) from error
    return _refusals(refused)


def probe(url: str, timeout: float = 5.0) -> SmtpServer:
    """Connect and sign in as `send` does, without a message. Raises as `send` does."""
    server = parse_smtp_url(url)
    try:
        with _connected(server, timeout) as connection:
            connection.noop()
    except (OSError, smtplib.SMTPException) as error:
        raise _explained(error, server) from error
    return server


class _Connection(smtplib.SMTP):
    """One that waits for longer from where the message is sent on."""

    accepted_s = ACCEPTED_S

    def data(self, msg: Any) -> tuple[int, bytes]:
        self._wait(self.accepted_s)
        try:
            return super().data(msg)
        finally:
            self._wait(self.timeout)

    def _wait(self, seconds: float) -> None:
        if self.sock is not None:  # it is None once the server has gone away
            self.sock.settimeout(seconds)


class _TlsConnection(_Connection, smtplib.SMTP_SSL):
    pass


@contextmanager
def _connected(server: SmtpServer, timeout: float) -> Iterator[_Connection]:
    """Signed in. What the server says to the farewell does not matter: what it has taken, it has."""
    tls = ssl.create_default_context()
    if server.scheme == "smtps":
        connection: _Connection = _TlsConnection(server.host, server.port, timeout=timeout, context=tls)
    else:
        connection = _Connection(server.host, server.port, timeout=timeout)
    try:
        _log_in(connection, server, tls)
        yield connection
        with suppress(OSError, smtplib.SMTPException):
            connection.quit()
    finally:
        connection.close()


def _log_in(connection: smtplib.SMTP, server: SmtpServer, tls: ssl.SSLContext) -> None:
    connection.ehlo_or_helo_if_needed()
    if server.scheme == "smtp" and connection.has_extn("starttls"):
        connection.starttls(context=tls)
        connection.ehlo()
    if not server.user:
        return
    if not isinstance(connection.sock, ssl.SSLSocket) and not server.is_loopback:
        raise ConfigurationError(
            f"{server} offers no encryption, and a password is not sent in the clear",
            "Use a server with STARTTLS, or smtps://.",
        )
    connection.login(server.user, server.password)


def _explained(error: OSError | smtplib.SMTPException, server: SmtpServer) -> TillrollError:
    if isinstance(error, ssl.SSLCertVerificationError):
        return ConfigurationError(
            f"the certificate of {server} is not valid: {error.verify_message}",
            "Use the name the certificate is for, or add its authority to this machine's trusted ones.",
        )
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return ConfigurationError(
            f"{server} refuses the login of TILLROLL_SMTP_URL", "Look at user and password there."
        )
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return _nobody(_refusals(error.recipients), server)
    if isinstance(error, smtplib.SMTPResponseException):
        return _refusal(int(error.smtp_code), f"{server} refuses the mail: {error}", "Look at TILLROLL_ALERT_FROM.")
    return TransientError(f"the mail server {server} cannot be reached: {error}", "Is it up? See TILLROLL_SMTP_URL.")


def _refusal(code: int, what: str, remedy: str) -> TillrollError:
    """SMTP's own distinction: 4xx may pass later, 5xx will not."""
    return ConfigurationError(what, remedy) if code >= 500 else TransientError(what, remedy)


def _refusals(refused: Mapping[str, tuple[int, bytes]]) -> tuple[Refusal, ...]:
    return tuple(
        Refusal(recipient, f"{code} {text.decode(errors='replace')}", code >= 500)
        for recipient, (code, text) in refused.items()
    )


def _nobody(refusals: tuple[Refusal, ...], server: SmtpServer) -> TillrollError:
    what = f"{server} takes no mail for {'; '.join(f'{each.recipient}: {each.answer}' for each in refusals)}"
    kind = RecipientsRefusedError if all(each.for_good for each in refusals) else TransientError
    return kind(what, "Look at TILLROLL_ALERT_TO, and at the routes in config/alerts.yml.")
