"""Send a message through the server an URL names: smtp:// (STARTTLS where offered) or smtps:// (TLS from the start)."""

import ipaddress
import logging
import smtplib
import ssl
from dataclasses import dataclass, field
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

from pipeline.errors import ConfigurationError, TillrollError, TransientError

logger = logging.getLogger(__name__)

DEFAULT_PORTS = {"smtp": 25, "smtps": 465}


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


def send(message: EmailMessage, url: str, timeout: float = 5.0) -> None:
    """Hand the message to the server. `timeout` is in seconds, for each answer of the server.

    Raises:
        ConfigurationError: the same message would fail again: URL, certificate, login or an address is refused.
        TransientError: the server is away or busy.
    """
    server = parse_smtp_url(url)
    try:
        with _connect(server, timeout) as connection:
            refused = connection.send_message(message)
    except (OSError, smtplib.SMTPException) as error:
        raise _explained(error, server) from error
    for address, answer in refused.items():
        logger.error("%s does not take mail for %s: %s", server, address, answer)


def probe(url: str, timeout: float = 5.0) -> SmtpServer:
    """Connect and sign in as `send` does, without a message. Raises as `send` does."""
    server = parse_smtp_url(url)
    try:
        with _connect(server, timeout) as connection:
            connection.noop()
    except (OSError, smtplib.SMTPException) as error:
        raise _explained(error, server) from error
    return server


def _connect(server: SmtpServer, timeout: float) -> smtplib.SMTP:
    tls = ssl.create_default_context()
    if server.scheme == "smtps":
        connection: smtplib.SMTP = smtplib.SMTP_SSL(server.host, server.port, timeout=timeout, context=tls)
    else:
        connection = smtplib.SMTP(server.host, server.port, timeout=timeout)
    try:
        _log_in(connection, server, tls)
    except BaseException:
        connection.close()
        raise
    return connection


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
        codes, addresses = [code for code, _ in error.recipients.values()], ", ".join(error.recipients)
        return _refusal(min(codes), f"{server} takes no mail for {addresses}", "Look at TILLROLL_ALERT_TO.")
    if isinstance(error, smtplib.SMTPResponseException):
        return _refusal(int(error.smtp_code), f"{server} refuses the mail: {error}", "Look at TILLROLL_ALERT_FROM.")
    return TransientError(f"the mail server {server} cannot be reached: {error}", "Is it up? See TILLROLL_SMTP_URL.")


def _refusal(code: int, what: str, remedy: str) -> TillrollError:
    """SMTP's own distinction: 4xx may pass later, 5xx will not."""
    return ConfigurationError(what, remedy) if code >= 500 else TransientError(what, remedy)
