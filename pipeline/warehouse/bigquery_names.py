"""The names BigQuery takes: a catalog that it cannot hold is refused before anything is loaded.

PostgreSQL takes any character. BigQuery's rules are https://cloud.google.com/bigquery/docs/schemas#column_names and
https://cloud.google.com/bigquery/docs/tables#table_naming.
"""

import re
import unicodedata

from pipeline.catalog import Catalog
from pipeline.errors import ConfigurationError

_MAX_TABLE_BYTES = 1_024
_MAX_COLUMN_CHARACTERS = 300
_MAX_LABEL_CHARACTERS = 63
_CATEGORIES = ("L", "M", "N", "Pc", "Pd", "Zs")
_COLUMN_CHARACTERS = frozenset("&%=+:'<>#|\t\n\r\v\f")
_RESERVED_PREFIXES = (
    "_table_",
    "_file_",
    "_partition",
    "_row_timestamp",
    "__root__",
    "_colidentifier",
    "_change_sequence_number",
    "_change_type",
    "_change_timestamp",
)


def check_names(catalog: Catalog) -> None:
    """Whether BigQuery can hold tables and columns of these names.

    Raises:
        ConfigurationError: it cannot; names the first that it refuses, and why.
    """
    for table in catalog:
        if reason := _table_fault(table.name):
            raise _refused(catalog, f"a table {table.name!r}", reason)
        for column in table.columns:
            if reason := _column_fault(column.name):
                raise _refused(catalog, f"a column {table.name}.{column.name}", reason)


def label(name: str) -> str:
    """The name as a label's value: at most 63 lower-case letters, digits, `-` and `_`."""
    return re.sub(r"[^\w-]", "_", name.lower())[:_MAX_LABEL_CHARACTERS]


def _table_fault(name: str) -> str | None:
    if len(name.encode()) > _MAX_TABLE_BYTES:
        return f"it is longer than {_MAX_TABLE_BYTES} bytes"
    return _character_fault(name)


def _column_fault(name: str) -> str | None:
    if len(name) > _MAX_COLUMN_CHARACTERS:
        return f"it is longer than {_MAX_COLUMN_CHARACTERS} characters"
    if prefix := next((prefix for prefix in _RESERVED_PREFIXES if name.lower().startswith(prefix)), None):
        return f"names that begin with {prefix!r} are its own"
    return _character_fault(name, also=_COLUMN_CHARACTERS)


def _character_fault(name: str, also: frozenset[str] = frozenset()) -> str | None:
    refused = (c for c in name if c not in also and not unicodedata.category(c).startswith(_CATEGORIES))
    character = next(refused, None)
    return None if character is None else f"its names hold no {character!r}"


def _refused(catalog: Catalog, what: str, reason: str) -> ConfigurationError:
    return ConfigurationError(
        f"catalog {catalog.path}: BigQuery has no room for {what}: {reason}",
        "Rename it in the source, or leave it out of the catalog (a column: with `drift: freeze` for its table).",
    )
