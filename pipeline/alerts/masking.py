"""Keep secrets out of what people read: mails, logs, Airflow's pages."""

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from urllib.parse import unquote, urlsplit

from pipeline.embedded.urls import smtp_url, source_url
from pipeline.errors import TillrollError
from pipeline.settings import Settings

MASK = "***"

# A password shorter than this is not looked for by value: it would blank innocent words.
SHORTEST_SECRET = 4
SHORTEST_TOKEN = 8

_KEYWORD = r"password|passwd|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credential"
_VALUE = r""""(?:[^"\\]|\\.){0,4096}"|'(?:[^'\\]|\\.){0,4096}'|[^\s,;&)\]}]+"""

# Every repetition before a required character has a bound: texts come from anywhere, and a search that goes over a long
# line from each of its characters would take minutes.
_PATTERNS = [
    # -----BEGIN PRIVATE KEY----- up to its end, or to the end of the text
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL), MASK),
    # scheme://user:password@host; up to the last @, for passwords that should have been escaped
    (re.compile(r"([a-z][a-z0-9+.-]{0,30}://[^\s:/'\"]{0,256}):[^\s'\"<>]{0,1024}@", re.IGNORECASE), rf"\1:{MASK}@"),
    # Authorization headers, before key=value would take the scheme for the value
    (re.compile(r"\b(bearer|basic)\s+[\w.~+/=-]{8,}", re.IGNORECASE), rf"\1 {MASK}"),
    # password=x, "client_secret": "x", PGPASSWORD='x'
    (re.compile(rf"((?:{_KEYWORD})[\w-]{{0,64}}[\"']?\s*[=:]\s*)(?:{_VALUE})", re.IGNORECASE), rf"\1{MASK}"),
    # Google's OAuth tokens and API keys, and JSON web tokens, wherever they stand
    (re.compile(r"\bya29\.[\w.-]+|\bAIza[\w-]{30,}|\beyJ[\w-]{1,4096}\.[\w-]{1,4096}\.[\w-]*"), MASK),
]


def mask(text: str, secrets: Iterable[str] = ()) -> str:
    """The text with the given secrets, and everything that looks like one, replaced by `***`."""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= SHORTEST_SECRET:
            text = text.replace(secret, MASK)
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def secrets_of(settings: Settings) -> frozenset[str]:
    """The passwords of the source and of the mail server, as their URLs write them and as they are meant, and whatever
    in the URLs of other channels is long enough for a token."""
    return frozenset([*_passwords(settings), *_tokens(settings)])


def _tokens(settings: Settings) -> Iterator[str]:
    urls = settings.alert_urls.get_secret_value() if settings.alert_urls else ""
    parts = (part for part in re.split(r"[\s:/?&=@]+", urls) if len(part) >= SHORTEST_TOKEN)
    yield from (written for part in parts for written in (part, unquote(part)))


def _passwords(settings: Settings) -> Iterator[str]:
    for url_of in (source_url, smtp_url):
        with suppress(TillrollError, ValueError):  # what has no URL has no password
            written = urlsplit(url_of(settings)).password
            if written:
                yield from (written, unquote(written))
