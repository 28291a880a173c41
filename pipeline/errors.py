"""Errors, grouped by what the caller should do: fix the configuration, look at the data, or try again.

    TillrollError
    ├── ConfigurationError   wrong use or settings; nothing was touched       exit code 2
    ├── DataError            source, lake and warehouse do not agree; stopped  exit code 1
    │   ├── SchemaDriftError the source's columns are not the catalog's
    │   ├── CorruptObjectError   an object is not what its manifest says
    │   ├── AuditError       loaded rows differ from the source's
    │   └── VanishingRowsError   many published rows are gone from the source; a person must say whether they may go
    ├── StepError            a step failed for a reason of its own            exit code 1
    └── TransientError       away or busy; the same call may succeed later    exit code 1

Every error names the thing (table, day, path, variable) and, in `remedy`, what to do about it.
"""


class TillrollError(Exception):
    """Base of every error Tillroll raises on purpose.

    `remedy` is one or two sentences addressed to the person who reads the mail or the terminal.
    """

    exit_code = 1

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message, remedy)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}\n  remedy: {self.remedy}" if self.remedy else self.message


class ConfigurationError(TillrollError):
    """Wrong use or settings. Nothing was touched."""

    exit_code = 2


class DataError(TillrollError):
    """Source, lake and warehouse do not agree. Nothing was published."""


class SchemaDriftError(DataError):
    """The source's columns are not the catalog's."""


class CorruptObjectError(DataError):
    """An object in the lake is missing or is not what its manifest says."""


class AuditError(DataError):
    """Loaded rows differ from the source's rows."""


class VanishingRowsError(DataError):
    """Many published rows are gone from the source, and nobody has said that they may go."""


class StepError(TillrollError):
    """A step failed for a reason of its own (a dbt test, a full disk)."""


class TransientError(TillrollError):
    """Something is away or busy; the same call may succeed later."""
