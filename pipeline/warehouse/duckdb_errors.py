"""What DuckDB says when something goes wrong, as errors that name the file and the remedy, without customers' rows."""

import re
from pathlib import Path

import duckdb

from pipeline.errors import ConfigurationError, StepError, TillrollError, TransientError


def explained(error: duckdb.Error, path: Path) -> TillrollError | None:
    """The error that says what is wrong with the file or the machine; None where neither is to blame."""
    said = first_lines(error)
    if isinstance(error, duckdb.OutOfMemoryException):
        return StepError(
            f"DuckDB ran out of memory: {said}", "Raise TILLROLL_WAREHOUSE_MEMORY, or free disk to spill to."
        )
    if "Conflicting lock" in said:
        return TransientError(
            f"another program has {path} open: {said}", "Close it; people read datamart.duckdb beside it."
        )
    if "not a valid DuckDB database file" in said:
        return ConfigurationError(
            f"the warehouse file {path} is no DuckDB database",
            "Let TILLROLL_WAREHOUSE_URL name another file, or move this one away: a new one is made.",
        )
    if "Corrupt database file" in said or "Could not read enough bytes" in said:
        return StepError(
            f"the warehouse file {path} is damaged: {said}",
            "Put a good copy in its place, or move it away: the next sync then publishes the whole source anew.",
        )
    # A full disk fails the commit of a transaction.
    return unusable(path, said) if isinstance(error, duckdb.IOException | duckdb.TransactionException) else None


def unusable(path: Path, reason: str) -> StepError:
    """The error of a file that cannot be opened, read or written."""
    return StepError(
        f"cannot use the warehouse file {path}: {reason}",
        "Free disk space or repair what it names, and run the step again: nothing was published.",
    )


def without_row(error: Exception) -> str:
    """What DuckDB says of a line that does not load, without the line and the value."""
    found = re.findall(
        r"CSV Error on Line: \d+|Error when converting column .*?(?=\. Could|$)|to '.*'$", str(error), re.M
    )
    return "; ".join(found) or str(error).partition("\n")[0]


def first_lines(error: Exception, count: int = 4) -> str:
    """The beginning of a message, on one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return "; ".join(lines[:count])
