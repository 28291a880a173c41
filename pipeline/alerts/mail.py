"""Compose the mail about an alert: plain text, and the same as HTML."""

from collections.abc import Sequence
from datetime import UTC
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr

from pipeline.alerts.alert import Alert, Severity
from pipeline.alerts.mail_html import html_of
from pipeline.alerts.mail_text import text_of

# The longest line that travels unencoded; RFC 5322 allows 998.
LONGEST_LINE = 900
# RFC 4021; what is neither is normal.
_IMPORTANCE: dict[Severity, str] = {"critical": "high", "info": "low"}


def compose(alert: Alert, sender: str, recipients: Sequence[str]) -> EmailMessage:
    """The mail about `alert`. The same alert always gets the same Message-ID, so a copy is known as one."""
    message = EmailMessage(policy=SMTP)
    message["Subject"] = _one_line(f"[Tillroll] {alert.title}")
    message["From"] = sender
    message["To"] = ", ".join(recipients)
    message["Date"] = format_datetime(alert.raised_at.astimezone(UTC))
    message["Message-ID"] = _message_id(alert.key, sender)
    if alert.follows:
        message["In-Reply-To"] = message["References"] = _message_id(alert.follows, sender)
    message["Auto-Submitted"] = "auto-generated"
    if alert.severity in _IMPORTANCE:
        message["Importance"] = _IMPORTANCE[alert.severity]
    text, html = _encodable(text_of(alert)), _encodable(html_of(alert))
    message.set_content(text, cte=_transfer_encoding(text))
    message.add_alternative(html, subtype="html", cte=_transfer_encoding(html))
    return message


def _message_id(key: str, sender: str) -> str:
    """At the domain of the sender's address, which may stand in angle brackets after a name."""
    address = parseaddr(sender)[1]
    return f"<alert.{key}@{address.rpartition('@')[2] or 'tillroll'}>"


def _one_line(text: str) -> str:
    return _encodable(" ".join(text.split()))


def _encodable(text: str) -> str:
    """Bytes that are no UTF-8 reach Python as lone surrogates, which no mail can carry."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _transfer_encoding(text: str) -> str:
    """As it is where every server takes it: a person may read the raw message. Never 8 bit, which some do not take."""
    plain = text.isascii() and all(len(line) <= LONGEST_LINE for line in text.splitlines())
    return "7bit" if plain else "quoted-printable"
