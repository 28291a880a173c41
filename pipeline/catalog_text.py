"""A catalog as text, in the format of config/tables.yml: made for people to read and edit, hence not a plain dump.

Every name stands on one line, quoted where YAML would read it as something else.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence

import yaml

from pipeline.column_types import ALIASES, normalise_type
from pipeline.source_schema import SourceColumn, SourceTable

_HEAD = """\
# The catalog: every table that Tillroll moves, with its columns as PostgreSQL types them.
# Written by `tillroll discover`; edit it freely.
#
#   partition: created_at   a daily table: one partition per UTC day of that column (rows where it is null are rejected)
#   partition: null         a whole table: one partition, compared and replaced as a whole
#
#   drift: freeze           a column that is gone, or has another type, stops the run; a new one is named and not moved
#   drift: evolve           the run follows the source's columns. For the whole file here, or in a table for that alone
"""

# The names people write: timestamptz rather than timestamp with time zone.
_SHORT_NAMES = ("varchar", "char", "varbit", "timestamptz", "timestamp", "timetz", "time")
_SHORT = {ALIASES[short]: short for short in _SHORT_NAMES}


def render_catalog(schema: str, tables: Sequence[SourceTable], partitions: Mapping[str, str | None]) -> str:
    """The catalog file of these tables; `partitions` names each table's partition column, None for a whole table."""
    blocks = ("\n".join(_table(table, partitions[table.name])) for table in tables)
    return f"{_HEAD}schema: {_scalar(schema)}\ndrift: freeze\n\ntables:\n" + "\n\n".join(blocks) + "\n"


def short_type(declared: str) -> str:
    """The declaration in few words, where that reads back as the same type: `timestamptz(3)`, `char(2)`, `text[]`."""
    arguments = re.search(r"\([^)]*\)", declared)
    name = re.sub(r"\([^)]*\)|\[\]", "", declared)
    short = _SHORT.get(name, name) + (arguments[0] if arguments else "") + ("[]" if declared.endswith("[]") else "")
    return short if normalise_type(short) == normalise_type(declared) else declared


def _table(table: SourceTable, partition: str | None) -> Iterator[str]:
    yield f"  {_scalar(table.name)}:"
    if table.comment:
        yield f"    description: {_scalar(' '.join(table.comment.split()))}"
    yield f"    key: [{', '.join(_scalar(name, flow=True) for name in table.key)}]"
    yield f"    partition: {'null' if partition is None else _scalar(partition)}"
    yield "    columns:"
    for column in table.columns:
        yield f"      {_scalar(column.name)}: {_scalar(_declaration(column))}"


def _declaration(column: SourceColumn) -> str:
    return short_type(column.type) + ("" if column.nullable else " not null")


def _scalar(text: str, *, flow: bool = False) -> str:
    """The text as one YAML scalar on one line; `flow`: inside brackets, where commas and brackets mean something."""
    plain = text.isprintable() and not (flow and set(text) & set(",[]{}"))
    dumped = yaml.safe_dump(text, default_style=None if plain else '"', allow_unicode=True, width=math.inf)
    return str(dumped).removesuffix("...\n").rstrip("\n")
