"""The local inbox over real SMTP."""

import asyncio
import smtplib
import socket
import threading
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from pipeline.embedded import health, inbox, ports
from pipeline.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    """Settings whose inbox is running."""
    settings = Settings(data_dir=tmp_path, host="127.0.0.1", smtp_port=0)
    loop, ready, stop = asyncio.new_event_loop(), threading.Event(), asyncio.Event()

    async def until() -> None:
        ready.set()
        await stop.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(inbox.serve(settings, until)))
    thread.start()
    assert ready.wait(20)
    yield settings
    loop.call_soon_threadsafe(stop.set)
    thread.join(20)
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


def _connect(settings: Settings) -> smtplib.SMTP:
    return smtplib.SMTP("127.0.0.1", ports.port(settings, "smtp"), timeout=10)


def _messages(settings: Settings) -> list[EmailMessage]:
    files = sorted((settings.data / "mail").glob("*.eml"))
    return [message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]


def test_message_arrives_as_it_was_sent(settings: Settings) -> None:
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = "Rückfrage: 3 € fehlen", "till@example.org", "data@example.org"
    message.set_content("A line\n.a line that begins with a dot\nüber\n")
    with _connect(settings) as connection:
        assert connection.send_message(message) == {}
    [arrived] = _messages(settings)
    assert arrived["Subject"] == "Rückfrage: 3 € fehlen"
    assert arrived["X-RcptTo"] == "data@example.org"
    assert arrived.get_content() == "A line\r\n.a line that begins with a dot\r\nüber\r\n"


def test_messages_at_once_all_arrive_whole(settings: Settings) -> None:
    def send(number: int) -> None:
        with _connect(settings) as connection:
            body = f"Subject: {number}\r\n\r\n" + f"{number}\r\n" * 1000
            connection.sendmail("till@example.org", ["data@example.org"], body)

    senders = [threading.Thread(target=send, args=(number,)) for number in range(20)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    arrived = {message["Subject"]: message.get_content() for message in _messages(settings)}
    assert arrived == {str(n): f"{n}\r\n" * 1000 for n in range(20)}
    assert [path for path in (settings.data / "mail").iterdir() if path.suffix != ".eml"] == []


def test_too_large_a_message_is_refused_and_the_next_taken(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "MESSAGE_BYTES", 1000)
    with _connect(settings) as connection, pytest.raises(smtplib.SMTPResponseException) as refused:
        connection.sendmail("a@example.org", ["b@example.org"], "Subject: big\r\n\r\n" + "x\r\n" * 1000)
    assert refused.value.smtp_code == 552
    with _connect(settings) as connection:
        connection.sendmail("a@example.org", ["b@example.org"], "Subject: small\r\n\r\nx\r\n")
    assert [message["Subject"] for message in _messages(settings)] == ["small"]


@pytest.mark.parametrize(
    "nonsense",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x00\xff\xfe\r\n" * 100,
        b"x" * 100_000,
        b"EHLO me\r\nMAIL FROM:<\xff\xfe>\r\nRCPT TO:<a@b>\r\nDATA\r\nhalf a mess",
        b"MAIL FROM:<>\r\nRCPT TO:<" + b"a" * 10_000 + b">\r\n",
        b"",
    ],
)
def test_nonsense_does_not_stop_it(settings: Settings, nonsense: bytes) -> None:
    with socket.create_connection(("127.0.0.1", ports.port(settings, "smtp")), timeout=10) as client:
        client.sendall(nonsense)
        client.shutdown(socket.SHUT_WR)
        while client.recv(4096):
            pass
    assert health.inbox_health(settings).ok
    assert _messages(settings) == []


def test_folder_that_cannot_be_written_is_a_temporary_failure(settings: Settings) -> None:
    folder = settings.data / "mail"
    folder.rmdir()
    with _connect(settings) as connection, pytest.raises(smtplib.SMTPResponseException) as refused:
        connection.sendmail("a@example.org", ["b@example.org"], "Subject: x\r\n\r\nx\r\n")
    assert refused.value.smtp_code == 451
    folder.mkdir()
    with _connect(settings) as connection:
        connection.sendmail("a@example.org", ["b@example.org"], "Subject: x\r\n\r\nx\r\n")
    assert len(_messages(settings)) == 1


def test_inbox_that_is_not_running_is_not_healthy(tmp_path: Path) -> None:
    answer = health.inbox_health(Settings(data_dir=tmp_path, host="127.0.0.1", smtp_port=0))
    assert not answer.ok
    assert "refused" in answer.detail
