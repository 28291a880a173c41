"""CSV lines as their raw fields, quotes included: what a fault changes is bytes, not values."""

import base64
import re
from collections.abc import Sequence

NULL = rb"\N"

Row = tuple[bytes, ...]

_FIELD = re.compile(rb'("(?:[^"]|"")*"|[^",\n]*)[,\n]')
_LINE = re.compile(rb'(?:[^"\n]|"(?:[^"]|"")*")*\n')


def fields(line: bytes) -> Row:
    """The raw fields of one line."""
    return tuple(_FIELD.findall(line))


def line(row: Sequence[bytes]) -> bytes:
    """The line of these raw fields."""
    return b",".join(row) + b"\n"


def lines(content: bytes) -> list[bytes]:
    """The lines of a file; a text may have line breaks of its own."""
    return _LINE.findall(content)


def text(raw: bytes) -> str:
    """The text that a quoted field holds."""
    return raw[1:-1].replace(b'""', b'"').decode()


def quoted(text: str) -> bytes:
    """The field that holds a text."""
    return b'"' + text.replace('"', '""').encode() + b'"'


def content(raw: bytes) -> bytes:
    """The bytes that a field of Base64 holds."""
    return base64.b64decode(raw[1:-1])


def encoded(content: bytes) -> bytes:
    """The field that holds bytes."""
    return b'"' + base64.b64encode(content) + b'"'
