"""Compose the mail about a failure: plain text, and the same as HTML."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from html import escape
from textwrap import indent

from pipeline.alerts.failure import Failure

# The longest line that travels unencoded; RFC 5322 allows 998.
LONGEST_LINE = 900


def compose(failure: Failure, sender: str, recipients: Sequence[str]) -> EmailMessage:
    """The mail about `failure`. The same failure always gets the same Message-ID, so a copy is known as one."""
    message = EmailMessage(policy=SMTP)
    message["Subject"] = _one_line(f"[Tillroll] FAILED {failure.dag}.{failure.task} for {failure.day}")
    message["From"] = sender
    message["To"] = ", ".join(recipients)
    message["Date"] = format_datetime(failure.failed_at.astimezone(UTC))
    message["Message-ID"] = f"<failure.{failure.key}@{sender.rpartition('@')[2] or 'tillroll'}>"
    message["Auto-Submitted"] = "auto-generated"
    text, html = _encodable(_text(failure)), _encodable(_html(failure))
    message.set_content(text, cte=_transfer_encoding(text))
    message.add_alternative(html, subtype="html", cte=_transfer_encoding(html))
    return message


def _facts(failure: Failure) -> list[tuple[str, str]]:
    return [
        ("DAG", failure.dag),
        ("Task", f"{failure.task} (try {failure.attempt})"),
        ("Day", failure.day),
        ("Run", failure.run),
        ("Started", _moment(failure.started_at)),
        ("Failed", _moment(failure.failed_at) + _duration(failure)),
        ("Exception", failure.error),
        ("Log", failure.log_url),
    ]


def _sections(failure: Failure) -> Iterable[tuple[str, str]]:
    """Titles and bodies, in reading order: what happened, what to do, how to retry, the evidence."""
    yield "Error", failure.message or "(the exception has no text)"
    yield "What to do", "\n\n".join(filter(None, [failure.remedy, failure.guidance])) or "Read the log."
    yield "How to run it again", _retry(failure)
    yield "Traceback, its last lines", failure.traceback or "(none reached the alert: the process may have been killed)"


def _retry(failure: Failure) -> str:
    return (
        "Open the log above and press Clear: the task runs again, and the DAGs after it follow by themselves.\n"
        f"Or, in a terminal: tillroll backfill --from {failure.day} --to {failure.day} --reprocess\n"
        "Running a step again is safe: nothing is doubled."
    )


def _text(failure: Failure) -> str:
    facts = "\n".join(f"  {name:<10} {value}" for name, value in _facts(failure))
    sections = "\n\n".join(f"{title}\n{indent(body, '  ')}" for title, body in _sections(failure))
    return f"{failure.dag}.{failure.task} failed for {failure.day}.\n\n{facts}\n\n{sections}\n"


def _html(failure: Failure) -> str:
    rows = "\n".join(
        f'<tr><th style="text-align:left;padding-right:1em">{escape(name)}</th><td>{_linked(value)}</td></tr>'
        for name, value in _facts(failure)
    )
    sections = "\n".join(
        f'<h3>{escape(title)}</h3>\n<pre style="white-space:pre-wrap">{escape(body)}</pre>'
        for title, body in _sections(failure)
    )
    title = escape(f"{failure.dag}.{failure.task} failed for {failure.day}")
    return f"<html><body>\n<h2>{title}</h2>\n<table>\n{rows}\n</table>\n{sections}\n</body></html>\n"


def _linked(value: str) -> str:
    text = escape(value)
    return f'<a href="{text}">{text}</a>' if value.startswith(("http://", "https://")) else text


def _moment(moment: datetime | None) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if moment else "unknown"


def _duration(failure: Failure) -> str:
    if failure.started_at is None:
        return ""
    return f", after {(failure.failed_at - failure.started_at).total_seconds():.1f} s"


def _one_line(text: str) -> str:
    return _encodable(" ".join(text.split()))


def _encodable(text: str) -> str:
    """Bytes that are no UTF-8 reach Python as lone surrogates, which no mail can carry."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _transfer_encoding(text: str) -> str:
    """As it is where every server takes it: a person may read the raw message. Never 8 bit, which some do not take."""
    plain = text.isascii() and all(len(line) <= LONGEST_LINE for line in text.splitlines())
    return "7bit" if plain else "quoted-printable"
