"""Formats of canonical text, which bqemulator hands to DuckDB as they are, or to Python, a row at a time.

- `%E4Y` and `%E*S` are BigQuery's own: a year of four digits, and seconds with as many decimals as there are. DuckDB
  refuses the one, and the other got all six decimals. Its own text of a timestamp or time is what they mean together.
- `format('%.2f', numeric)` is exact in BigQuery. DuckDB's printf goes by way of a float. (So does this for a float.)
"""

import re

from bqemulator.jobs import executor
from bqemulator.sql import rules
from bqemulator.sql.translator import SQLTranslator
from sqlglot import exp

_ITS_OWN_TEXT = {"%E4Y-%m-%d %H:%M:%E*S", "%H:%M:%E*S"}
_FIXED = re.compile(r"%\.(\d+)f")
_ZONED = "BQEMU_FORMAT_TIMESTAMP_ISO"


def correct() -> None:
    """Put the corrections in place; before the emulator starts."""
    rules._REGISTRY[:0] = [_OwnText, _ZonedText, _ExactDecimal]
    executor._translator = SQLTranslator()  # the one there is was made without them


class _OwnText(rules.TranslationRule):  # type: ignore[misc]
    """`format_datetime` and `format_time`."""

    name = "TILLROLL_OWN_TEXT"

    def applies_to(self, node: exp.Expression) -> bool:
        return isinstance(node, exp.TimeToStr) and node.args["format"].name in _ITS_OWN_TEXT

    def rewrite(self, node: exp.Expression) -> exp.Expression:
        return exp.cast(node.this.copy(), "VARCHAR")


class _ZonedText(rules.TranslationRule):  # type: ignore[misc]
    """`format_timestamp` with a zone, and whatever is formatted beside it."""

    name = "TILLROLL_ZONED_TEXT"

    def applies_to(self, node: exp.Expression) -> bool:
        return (
            isinstance(node, exp.Anonymous)
            and node.name.upper() == _ZONED
            and node.expressions[0].name in _ITS_OWN_TEXT
        )

    def rewrite(self, node: exp.Expression) -> exp.Expression:
        _, moment, zone = (argument.copy() for argument in node.expressions)
        if moment.is_type(exp.DataType.Type.TIMESTAMPTZ):
            moment = exp.Anonymous(this="timezone", expressions=[zone, moment])
        return exp.cast(moment, "VARCHAR")


class _ExactDecimal(rules.TranslationRule):  # type: ignore[misc]
    """`format` of one number with a fixed number of decimals."""

    name = "TILLROLL_EXACT_DECIMAL"

    def applies_to(self, node: exp.Expression) -> bool:
        return isinstance(node, exp.Format) and len(node.expressions) == 1 and bool(_FIXED.fullmatch(node.this.name))

    def rewrite(self, node: exp.Expression) -> exp.Expression:
        (decimals,) = _FIXED.fullmatch(node.this.name).groups()  # type: ignore[union-attr]
        return exp.cast(exp.cast(node.expressions[0].copy(), f"DECIMAL(38, {decimals})"), "VARCHAR")
