"""Names of tables. bqemulator stores only those of ASCII letters, digits, `_` and `-`; BigQuery takes letters of every
language, and spaces.
"""

import re

from bqemulator.storage import sql_identifiers

_NAME = re.compile(r'\A[^"\x00-\x1f]{1,1024}\Z')


def correct() -> None:
    """Put the corrections in place; before the emulator starts."""
    sql_identifiers._SQL_SAFE_ID_RE = _NAME
