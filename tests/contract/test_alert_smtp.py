"""Mail reaches a real SMTP server: in the clear, encrypted, with and without a login; and what is wrong is said."""

import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from mail_catcher import PASSWORD, USER, catching_mail

from pipeline.alerts.failure import Failure
from pipeline.alerts.mail import compose
from pipeline.alerts.smtp import parse_smtp_url, send
from pipeline.errors import ConfigurationError, TransientError

# The server is on this machine, and what it is warned of is what is tested.
pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS:UserWarning")

NOW = datetime.now(UTC)
FAILURE = Failure("dag", "task", "2025-01-03", "run", 1, "Error", "text", "", "", "", NOW, NOW, "http://x")
MESSAGE = compose(FAILURE.alert(), "tillroll@localhost", ["ops@example.org"])
LOGIN = f"{quote(USER)}:{quote(PASSWORD, safe='')}"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for 127.0.0.1, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def server_tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def test_a_message_arrives_once_and_whole() -> None:
    with catching_mail() as inbox:
        send(MESSAGE, inbox.url)
    (message,) = inbox.messages
    assert message["Subject"] == MESSAGE["Subject"]
    assert message["Message-ID"] == MESSAGE["Message-ID"]
    assert message["To"] == "ops@example.org"


def test_starttls_and_login_where_the_certificate_is_trusted(
    server_tls: ssl.SSLContext, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with catching_mail(starttls=server_tls, login=True) as inbox:
        send(MESSAGE, f"smtp://{LOGIN}@127.0.0.1:{inbox.port}")
    assert len(inbox.messages) == 1


def test_a_certificate_nobody_vouches_for_is_an_error(server_tls: ssl.SSLContext) -> None:
    with catching_mail(starttls=server_tls) as inbox, pytest.raises(ConfigurationError, match="certificate"):
        send(MESSAGE, inbox.url)
    assert inbox.messages == []


def test_a_wrong_password_is_an_error_that_does_not_repeat_it() -> None:
    with catching_mail(login=True) as inbox, pytest.raises(ConfigurationError, match="refuses the login") as raised:
        send(MESSAGE, f"smtp://{USER}:wrong-password@127.0.0.1:{inbox.port}")
    assert "wrong-password" not in str(raised.value)
    assert inbox.messages == []


def test_a_password_is_not_sent_in_the_clear_over_a_network() -> None:
    # 0.0.0.0 reaches this machine, and is not a loopback address.
    with catching_mail(login=True) as inbox, pytest.raises(ConfigurationError, match="in the clear"):
        send(MESSAGE, f"smtp://{LOGIN}@0.0.0.0:{inbox.port}")
    assert inbox.messages == []


@pytest.mark.parametrize(
    ("answer", "error"), [("451 try later", TransientError), ("550 no such user", ConfigurationError)]
)
def test_a_refusal_is_for_now_or_for_good(answer: str, error: type[Exception]) -> None:
    with catching_mail(answer=answer) as inbox, pytest.raises(error, match=answer[4:]):
        send(MESSAGE, inbox.url)


def test_no_server_is_a_transient_error() -> None:
    with closing(socket.socket()) as reserved:
        reserved.bind(("127.0.0.1", 0))
        url = f"smtp://127.0.0.1:{reserved.getsockname()[1]}"
        with pytest.raises(TransientError, match="cannot be reached"):
            send(MESSAGE, url)


@pytest.fixture
def silent_server() -> Iterator[str]:
    """A server that takes connections and says nothing."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        yield f"smtp://127.0.0.1:{listening.getsockname()[1]}"


def test_a_server_that_says_nothing_is_given_up(silent_server: str) -> None:
    with pytest.raises(TransientError, match="timed out"):
        send(MESSAGE, silent_server, timeout=0.2)


@contextmanager
def slow_server(farewell: bytes = b"221 bye") -> Iterator[tuple[str, list[bytes]]]:
    """A server that thinks for half a second about each message."""
    taken: list[bytes] = []

    def serve() -> None:
        with listening.accept()[0] as client, client.makefile("rwb", buffering=0) as line:
            line.write(b"220 here\r\n")
            for command in line:
                if command.lower().startswith(b"data"):
                    line.write(b"354 go on\r\n")
                    taken.append(b"".join(iter(line.readline, b".\r\n")))
                    time.sleep(0.5)
                line.write(farewell + b"\r\n" if command.lower().startswith(b"quit") else b"250 OK\r\n")

    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        thread = threading.Thread(target=serve)
        thread.start()
        yield f"smtp://127.0.0.1:{listening.getsockname()[1]}", taken
        thread.join()


def test_a_server_may_think_about_a_message_for_longer_than_about_a_command() -> None:
    """What it has taken, and nobody waited to hear of, would be sent again for ever."""
    with slow_server() as (url, taken):
        assert send(MESSAGE, url, timeout=0.2) == ()
    assert len(taken) == 1


def test_what_a_server_has_taken_it_has_whatever_it_says_to_the_farewell() -> None:
    with slow_server(farewell=b"451 not yet") as (url, taken):
        assert send(MESSAGE, url) == ()
    assert len(taken) == 1


@pytest.mark.parametrize(
    "url", ["", "http://u:topsecret@host", "smtp://", "smtp://u:topsecret@host:port", "smtp://[::1"]
)
def test_what_is_no_mail_server_is_a_configuration_error(url: str) -> None:
    with pytest.raises(ConfigurationError, match="TILLROLL_SMTP_URL") as raised:
        parse_smtp_url(url)
    assert "topsecret" not in str(raised.value)


def test_urls_are_unquoted_and_have_default_ports() -> None:
    server = parse_smtp_url("smtps://me%40x:p%2Fw@mail.example.org")
    assert (server.user, server.password, server.port) == ("me@x", "p/w", 465)
    assert parse_smtp_url("smtp://mail.example.org").port == 25
    assert "p/w" not in repr(server)
