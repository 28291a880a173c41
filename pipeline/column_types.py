"""Column types: what each PostgreSQL type becomes in the lake and in a warehouse, and how its canonical text is made.

One rule per type, in one table. A `Rule` is what the engines must agree on; each warehouse spells the rule in its own
SQL. A type without a rule of its own arrives as text, exactly as PostgreSQL's cast to text prints it.
"""

import re
from dataclasses import dataclass
from enum import Enum


class Rule(Enum):
    """How a value is carried and fingerprinted. The comment is its canonical text (docs/types.md has examples)."""

    INTEGER = "integer"  # decimal digits, '-' before negatives
    DECIMAL = "decimal"  # decimal digits with exactly `scale` digits after the point
    FLOAT = "float"  # C's %.16e of the double; NaN, inf, -inf; negative zero as zero
    BOOLEAN = "boolean"  # true, false
    DATE = "date"  # YYYY-MM-DD
    TIME = "time"  # HH:MM:SS[.ffffff], trailing zeros cut
    DATETIME = "datetime"  # YYYY-MM-DD HH:MM:SS[.ffffff], trailing zeros cut
    TIMESTAMP = "timestamp"  # the same, in UTC
    BYTES = "bytes"  # lower-case hex
    TEXT = "text"  # length in characters (code points), ':', the text


@dataclass(frozen=True, slots=True)
class ColumnType:
    """A PostgreSQL type, normalised, with its rule. `precision` and `scale` are set for DECIMAL only."""

    source: str
    rule: Rule
    precision: int | None = None
    scale: int | None = None
    known: bool = True

    @property
    def name(self) -> str:
        """The type without its arguments: `numeric`, `character varying`, `timestamp with time zone`, `integer[]`."""
        return _ARGUMENTS.sub("", self.source)

    @property
    def has_day(self) -> bool:
        """Whether a UTC day can be read off a value, so that the column can partition a table."""
        return self.rule in {Rule.DATE, Rule.DATETIME, Rule.TIMESTAMP}

    @property
    def is_bounded(self) -> bool:
        """Whether no value has more than a few thousand bytes as text: such a column's size need not be looked at."""
        if self.rule not in {Rule.TEXT, Rule.BYTES}:
            return True
        if self.name in {"character varying", "character"} and (length := _LENGTH.search(self.source)):
            return int(length[1]) <= _SHORT
        return self.name in _SHORT_TYPES or self.name.startswith("interval")


# PostgreSQL's short names and what format_type() calls them.
ALIASES = {
    "int2": "smallint",
    "int": "integer",
    "int4": "integer",
    "int8": "bigint",
    "float4": "real",
    "float8": "double precision",
    "bool": "boolean",
    "decimal": "numeric",
    "varchar": "character varying",
    "char": "character",
    "timestamptz": "timestamp with time zone",
    "timestamp": "timestamp without time zone",
    "timetz": "time with time zone",
    "time": "time without time zone",
    "varbit": "bit varying",
}

# What the standard means by a type without its argument.
DEFAULT_ARGUMENTS = {"character": "1", "bit": "1"}

RULES = {
    "smallint": Rule.INTEGER,
    "integer": Rule.INTEGER,
    "bigint": Rule.INTEGER,
    "numeric": Rule.DECIMAL,
    "real": Rule.FLOAT,
    "double precision": Rule.FLOAT,
    "boolean": Rule.BOOLEAN,
    "date": Rule.DATE,
    "time without time zone": Rule.TIME,
    "timestamp without time zone": Rule.DATETIME,
    "timestamp with time zone": Rule.TIMESTAMP,
    "bytea": Rule.BYTES,
    # text, and types that travel as the text PostgreSQL prints
    "text": Rule.TEXT,
    "character varying": Rule.TEXT,
    "character": Rule.TEXT,
    "bpchar": Rule.TEXT,  # blank-padded like character, of any length
    "uuid": Rule.TEXT,
    "json": Rule.TEXT,
    "jsonb": Rule.TEXT,
    "interval": Rule.TEXT,
    "time with time zone": Rule.TEXT,
    "inet": Rule.TEXT,
    "cidr": Rule.TEXT,
    "macaddr": Rule.TEXT,
    "name": Rule.TEXT,
}

# Types whose values are short as text, whatever they are; a numeric has at most 147,457 digits.
_SHORT_TYPES = {"uuid", "numeric", "time with time zone", "inet", "cidr", "macaddr", "name"}
_SHORT = 1_000

# The widest decimal every warehouse holds: DuckDB's DECIMAL(38), BigQuery's BIGNUMERIC(76,38).
MAX_DECIMAL_PRECISION = 38

_LENGTH = re.compile(r"\((\d+)\)")
_ARGUMENTS = re.compile(r"\([^)]*\)")
_DECLARATION = re.compile(r"^(?P<name>[^(\[]+?)\s*(?:\((?P<args>[^)]*)\))?(?P<rest>[^\[(]*)$", re.DOTALL)
# format_type() says integer[] however many dimensions were declared: PostgreSQL does not keep them.
_ARRAY = re.compile(r"^(?P<element>[^\[]+?)\s*(\[\d*\])+$", re.DOTALL)


def resolve_type(declared: str) -> ColumnType:
    """The column type for a declaration such as `numeric(12,2)`, `timestamptz`, `text[]` or `mood`.

    A type Tillroll has no rule for (an enum, an array, an extension's type) gets `Rule.TEXT` and `known=False`.
    """
    source = normalise_type(declared)
    name = _ARGUMENTS.sub("", source)
    # interval's fields are part of its name: interval day to second(3)
    rule = Rule.TEXT if name.startswith("interval ") and not name.endswith("]") else RULES.get(name)
    if rule is None:
        return ColumnType(source, Rule.TEXT, known=False)
    if rule is not Rule.DECIMAL:
        return ColumnType(source, rule)
    return _decimal(source)


def normalise_type(declared: str) -> str:
    """The declaration as PostgreSQL's format_type() writes it: `varchar(40)` is `character varying(40)`."""
    words = " ".join(declared.split())
    if array := _ARRAY.match(words):
        return f"{normalise_type(array['element'])}[]"
    match = _DECLARATION.match(words)
    if match is None:
        return words
    name = f"{match['name']}{match['rest'] or ''}".strip()
    full = ALIASES.get(name.lower(), name.lower() if name.lower() in RULES else name)
    arguments = match["args"] or DEFAULT_ARGUMENTS.get(full)
    if not arguments:
        return full
    args = ",".join(part.strip() for part in arguments.split(","))
    if full == "numeric" and "," not in args:
        args += ",0"
    # format_type() writes a time's precision inside the name: timestamp(3) with time zone
    head, *tail = full.split(" ", 1) if full.startswith("time") else [full]
    return f"{head}({args})" + (f" {tail[0]}" if tail else "")


def _decimal(source: str) -> ColumnType:
    """numeric(p,s) is a decimal where every warehouse can hold it, and exact text where one could not."""
    arguments = re.search(r"\((\d+),(-?\d+)\)", source)
    if arguments is None:
        return ColumnType(source, Rule.TEXT)
    precision, scale = int(arguments[1]), int(arguments[2])
    if scale < 0:
        precision, scale = precision - scale, 0
    # One digit before the point at least: DuckDB prints .50 for a DECIMAL(2,2), PostgreSQL 0.50.
    precision = max(precision, scale + 1)
    if precision > MAX_DECIMAL_PRECISION:
        return ColumnType(source, Rule.TEXT)
    return ColumnType(source, Rule.DECIMAL, precision, scale)
