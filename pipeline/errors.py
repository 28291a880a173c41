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

# What leads each part of an error's text: it is read again from a log whose process is gone.
REMEDY = "\n  remedy: "
EVIDENCE = "\n  to see it: "


class TillrollError(Exception):
    """Base of every error Tillroll raises on purpose.

    `remedy` is one or two sentences addressed to the person who reads the mail or the terminal; `evidence` is what that
    person can paste to see what is wrong: a query, as a rule.
    """

    exit_code = 1

    def __init__(self, message: str, remedy: str = "", evidence: str = "") -> None:
        super().__init__(message, remedy)
        self.message = message
        self.remedy = remedy
        self.evidence = evidence

    def __str__(self) -> str:
        remedy = f"{REMEDY}{self.remedy}" if self.remedy else ""
        return self.message + remedy + (f"{EVIDENCE}{self.evidence}" if self.evidence else "")


def parts_of(text: str) -> tuple[str, str, str]:
    """Message, remedy and evidence of an error's text; what it has none of is empty."""
    rest, _, evidence = text.partition(EVIDENCE)
    message, _, remedy = rest.partition(REMEDY)
    return message, remedy, evidence


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
