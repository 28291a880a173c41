"""Faults of one cell: each makes of its raw CSV field another value, as the source understands it; or says None."""

import re
import unicodedata
from collections.abc import Callable

import csv_cells
from csv_cells import NULL

from pipeline.column_types import Rule

Fault = Callable[[Rule, bytes], bytes | None]

_NUMBERS = {Rule.INTEGER, Rule.DECIMAL, Rule.FLOAT}
_CLOCKS = {Rule.TIME, Rule.DATETIME, Rule.TIMESTAMP}
_NOTHING = (NULL, b'""', rb'"\N"')
# A value where there was none.
_SOME = {
    Rule.INTEGER: b"0",
    Rule.DECIMAL: b"0",
    Rule.FLOAT: b"0",
    Rule.BOOLEAN: b"f",
    Rule.DATE: b"1970-01-01",
    Rule.TIME: b"00:00:00",
    Rule.DATETIME: b"1970-01-01 00:00:00",
    Rule.TIMESTAMP: b"1970-01-01 00:00:00+00",
    Rule.BYTES: b'""',
    Rule.TEXT: b'"~"',
}


def last_digit(rule: Rule, raw: bytes) -> bytes | None:
    """The last digit of a number, a date or a time: of a decimal its smallest unit."""
    if rule not in _NUMBERS | _CLOCKS | {Rule.DATE} or raw == NULL:
        return None
    body, zone = _apart(rule, raw)
    digits, mark, exponent = body.partition(b"e")
    if not digits[-1:].isdigit():
        return None
    other = digits[:-1] + b"%d" % ((int(digits[-1:]) + 1) % 10) + mark + exponent + zone
    return other if differs(rule, raw, other) else None


def sign(rule: Rule, raw: bytes) -> bytes | None:
    """The sign of a number; zero has none."""
    if rule not in _NUMBERS or raw in {NULL, b"NaN"} or not re.search(rb"[1-9I]", raw):
        return None
    return raw[1:] if raw.startswith(b"-") else b"-" + raw


def microsecond(rule: Rule, raw: bytes) -> bytes | None:
    """One microsecond."""
    if rule not in _CLOCKS or raw == NULL:
        return None
    body, zone = _apart(rule, raw)
    seconds, _, fraction = body.partition(b".")
    digits = fraction.ljust(6, b"0")
    return seconds + b"." + digits[:-1] + b"%d" % ((int(digits[-1:]) + 1) % 10) + zone


def flag(rule: Rule, raw: bytes) -> bytes | None:
    """True for false."""
    return {b"t": b"f", b"f": b"t"}.get(raw) if rule is Rule.BOOLEAN else None


def lost(rule: Rule, raw: bytes) -> bytes | None:
    """NULL for a value."""
    return None if raw == NULL else NULL


def found(rule: Rule, raw: bytes) -> bytes | None:
    """A value for NULL."""
    return _SOME[rule] if raw == NULL else None


def nothing(rule: Rule, raw: bytes) -> bytes | None:
    r"""NULL, '' and '\N' taken for each other."""
    if rule is not Rule.TEXT or raw not in _NOTHING:
        return None
    return _NOTHING[(_NOTHING.index(raw) + 1) % len(_NOTHING)]


def trailing_space(rule: Rule, raw: bytes) -> bytes | None:
    """A space at the end."""
    return _text(rule, raw, lambda text: text + " ")


def letter_case(rule: Rule, raw: bytes) -> bytes | None:
    """Capitals for small letters."""
    return _text(rule, raw, str.swapcase)


def normal_form(rule: Rule, raw: bytes) -> bytes | None:
    """Unicode's other way to write the same character."""
    return _text(
        rule, raw, lambda text: next((t for t in (_normal("NFD", text), _normal("NFC", text)) if t != text), "")
    )


def trailing_zero(rule: Rule, raw: bytes) -> bytes | None:
    """1.0 for 1.00, in a text."""
    return _text(rule, raw, lambda text: text + "0" if re.fullmatch(r"-?\d+\.\d+", text) else text)


def one_character(rule: Rule, raw: bytes) -> bytes | None:
    """The first character of a text."""
    return _text(rule, raw, lambda text: chr(ord(text[0]) ^ 1 or 2) + text[1:] if text else text)


def one_bit(rule: Rule, raw: bytes) -> bytes | None:
    """The last bit of bytes."""
    return _bytes(rule, raw, lambda content: content[:-1] + bytes([content[-1] ^ 1]) if content else content)


def order(rule: Rule, raw: bytes) -> bytes | None:
    """Characters or bytes, the last first."""
    return _text(rule, raw, lambda text: text[::-1]) or _bytes(rule, raw, lambda content: content[::-1])


def otherwise_written(rule: Rule, raw: bytes) -> bytes | None:
    """No change: the same value, in another spelling."""
    if raw == NULL:
        return None
    match rule:
        case Rule.FLOAT:
            return {b"0": b"-0", b"-0": b"0"}.get(raw)
        case Rule.DECIMAL if b"." in raw:
            return raw + b"0"
        case Rule.BOOLEAN:
            return {b"t": b"true", b"f": b"false"}[raw]
        case Rule.INTEGER if raw.isdigit():
            return b"0" + raw
        case Rule.TIMESTAMP:
            return raw + b":00"
        case _:
            return None


# By what a person would call them.
FAULTS: dict[str, Fault] = {
    "last digit": last_digit,
    "sign": sign,
    "a microsecond": microsecond,
    "true for false": flag,
    "NULL for a value": lost,
    "a value for NULL": found,
    r"NULL, '' and '\N' mixed up": nothing,
    "trailing space": trailing_space,
    "letter case": letter_case,
    "Unicode normal form": normal_form,
    "1.0 for 1.00 in a text": trailing_zero,
    "one character": one_character,
    "one bit of bytes": one_bit,
    "order of characters or bytes": order,
}
NO_CHANGE = {"no change: the same value, written otherwise": otherwise_written}


def differs(rule: Rule, raw: bytes, other: bytes) -> bool:
    """Whether two raw fields are two values. (The source writes every value one way, but for zero.)"""
    if rule is Rule.FLOAT and NULL not in (raw, other):
        return float(raw) != float(other)
    return raw != other


def _apart(rule: Rule, raw: bytes) -> tuple[bytes, bytes]:
    """What a field says, and its zone."""
    return (raw[:-3], raw[-3:]) if rule is Rule.TIMESTAMP else (raw, b"")


def _text(rule: Rule, raw: bytes, change: Callable[[str], str]) -> bytes | None:
    if rule is not Rule.TEXT or raw == NULL:
        return None
    text = csv_cells.text(raw)
    changed = change(text)
    return csv_cells.quoted(changed) if changed not in {text, ""} else None


def _bytes(rule: Rule, raw: bytes, change: Callable[[bytes], bytes]) -> bytes | None:
    if rule is not Rule.BYTES or raw == NULL:
        return None
    content = csv_cells.content(raw)
    changed = change(content)
    return csv_cells.encoded(changed) if changed != content else None


def _normal(form: str, text: str) -> str:
    return unicodedata.normalize(form, text)  # type: ignore[arg-type]
