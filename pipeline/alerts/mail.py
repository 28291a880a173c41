"""Compose the mail about an alert: plain text, and the same as HTML."""

from collections.abc import Sequence
from datetime import UTC
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from html import escape
from textwrap import indent

from pipeline.alerts.alert import Alert

# The longest line that travels unencoded; RFC 5322 allows 998.
LONGEST_LINE = 900


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
    text, html = _encodable(_text(alert)), _encodable(_html(alert))
    message.set_content(text, cte=_transfer_encoding(text))
    message.add_alternative(html, subtype="html", cte=_transfer_encoding(html))
    return message


def _message_id(key: str, sender: str) -> str:
    return f"<alert.{key}@{sender.rpartition('@')[2] or 'tillroll'}>"


def _text(alert: Alert) -> str:
    facts = "\n".join(f"  {name:<10} {value}" for name, value in alert.facts)
    sections = "\n\n".join(f"{title}\n{indent(body, '  ')}" for title, body in alert.sections)
    return f"{alert.title}\n\n{facts}\n\n{sections}\n"


def _html(alert: Alert) -> str:
    rows = "\n".join(
        f'<tr><th style="text-align:left;padding-right:1em">{escape(name)}</th><td>{_linked(value)}</td></tr>'
        for name, value in alert.facts
    )
    sections = "\n".join(
        f'<h3>{escape(title)}</h3>\n<pre style="white-space:pre-wrap">{escape(body)}</pre>'
        for title, body in alert.sections
    )
    return f"<html><body>\n<h2>{escape(alert.title)}</h2>\n<table>\n{rows}\n</table>\n{sections}\n</body></html>\n"


def _linked(value: str) -> str:
    text = escape(value)
    return f'<a href="{text}">{text}</a>' if value.startswith(("http://", "https://")) else text


def _one_line(text: str) -> str:
    return _encodable(" ".join(text.split()))


def _encodable(text: str) -> str:
    """Bytes that are no UTF-8 reach Python as lone surrogates, which no mail can carry."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _transfer_encoding(text: str) -> str:
    """As it is where every server takes it: a person may read the raw message. Never 8 bit, which some do not take."""
    plain = text.isascii() and all(len(line) <= LONGEST_LINE for line in text.splitlines())
    return "7bit" if plain else "quoted-printable"
