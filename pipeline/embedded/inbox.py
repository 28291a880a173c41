"""The local inbox: an SMTP server that delivers every message to a folder, as `.eml` files.

It stands in for a mail server on a laptop, so that alerts really travel by SMTP and can be read with any mail program.
"""

import asyncio
import logging
import os
import secrets
import signal
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

from pipeline.embedded import ports
from pipeline.embedded.keeper import die_with_parent
from pipeline.settings import Settings

logger = logging.getLogger(__name__)

MESSAGE_BYTES = 25_000_000
IDLE_SECONDS = 60.0


class Folder:
    """aiosmtpd's handler: what is done with a message."""

    def __init__(self, path: Path) -> None:
        self.path = path

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's
        """Keep the message. The client hears 250 only once it is on disk."""
        try:
            name = await asyncio.to_thread(deliver, self.path, envelope)
        except OSError as error:
            logger.error("a message could not be written: %s", error)
            return "451 the message could not be written, try again later"
        logger.info("%s from %s to %s", name, envelope.mail_from, ", ".join(envelope.rcpt_tos))
        return f"250 delivered as {name}"

    async def handle_exception(self, error: Exception) -> str:
        """Answer where a client's input made the server stumble; the server goes on."""
        logger.error("a client was not understood: %s: %s", type(error).__name__, error)
        return "500 not understood"


def deliver(folder: Path, envelope: Envelope) -> str:
    """Write the message into the folder, whole or not at all. Returns the file's name."""
    name = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}-{secrets.token_hex(3)}.eml"
    unfinished = folder / f".{name}"
    head = f"X-MailFrom: {envelope.mail_from}\r\nX-RcptTo: {', '.join(envelope.rcpt_tos)}\r\n"
    try:
        with unfinished.open("wb") as file:
            file.write(head.encode("utf-8", "surrogateescape"))
            file.write(envelope.original_content or b"")
            file.flush()
            os.fsync(file.fileno())
        unfinished.rename(folder / name)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise
    return name


async def serve(settings: Settings, until: Callable[[], Awaitable[None]]) -> None:
    """Take mail on the inbox's port until `until()` returns. Raises OSError where the port is taken."""
    folder = Folder(settings.data / "mail")
    folder.path.mkdir(mode=0o700, parents=True, exist_ok=True)
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(
            folder, hostname="localhost", data_size_limit=MESSAGE_BYTES, timeout=IDLE_SECONDS, ident="Tillroll"
        ),
        settings.host,
        ports.port(settings, "smtp"),
    )
    logger.info("messages go to %s", folder.path)
    async with server:
        await until()


async def _told_to_stop() -> None:
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    await told.wait()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("mail.log").setLevel(logging.WARNING)  # aiosmtpd's own, a line for every command
    die_with_parent(signal.SIGTERM, os.getppid())
    asyncio.run(serve(Settings.load(), _told_to_stop))
    sys.exit(0)
