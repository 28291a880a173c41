"""What a failed load job says, without the values that it quotes: a customer's row belongs in no log or mail."""

import re
from collections.abc import Iterable

from google.api_core.exceptions import BadRequest, GoogleAPICallError, NotFound
from google.cloud import bigquery

from pipeline.catalog import Table
from pipeline.errors import CorruptObjectError, DataError, TillrollError
from pipeline.google_errors import reasons, sentence, translated
from pipeline.google_resources import bucket
from pipeline.manifest import LakeObject

_LINE = re.compile(r"\bline_number: (\d+)")
_EVERYWHERE = ("different locations", "in location", "Access Denied")


def load_error(
    error: GoogleAPICallError, job: bigquery.LoadJob, table: Table, objects: Iterable[LakeObject], lake: str
) -> TillrollError:
    """Why a load job failed. Only names of ours, numbers and Google's name of the reason are taken from its text."""
    said = [str(entry.get("message", "")) for entry in job.errors or ()] or [str(error.message)]
    if isinstance(error, NotFound):
        return CorruptObjectError(
            f"an object of {table.name} is gone from {lake}{_named(said, table, objects)}",
            "Extract the day again, which writes what is missing anew: `tillroll sync`. Nothing was published.",
        )
    if not isinstance(error, BadRequest) or any(words in text for text in said for words in _EVERYWHERE):
        return translated(error, bucket(lake.removeprefix("gs://").partition("/")[0]))
    if any("oo many partitions" in text for text in said):
        return DataError(
            f"{table.name} has more days than BigQuery lets a table have partitions: {sentence(error)}",
            f"Nothing was published. Write `partition: null` at {table.name} in the catalog: it then moves as a whole.",
        )
    reason = ", ".join(sorted(reasons(error))) or "invalid"
    return DataError(
        f"{table.name} holds a value that its type cannot hold in BigQuery{_named(said, table, objects)} ({reason})",
        "Nothing was published. Repair the value in the source, or leave its column out of the catalog.",
    )


def _named(said: Iterable[str], table: Table, objects: Iterable[LakeObject]) -> str:
    """The first column, line and object that the texts name, as far as they are ours."""
    text = "\n".join(said)
    column = next((c.name for c in table.columns if _names_column(text, c.name)), None)
    line = _LINE.search(text)
    paths = (part.path for found in objects for part in found.parts)
    path = next((path for path in paths if path in text), None)
    parts = [
        f"column {column}" if column else "",
        f"line {line[1]}" if line else "",
        path or "",
    ]
    named = ", ".join(filter(None, parts))
    return f": {named}" if named else ""


def _names_column(text: str, name: str) -> bool:
    return f'column_name: "{name}"' in text or re.search(rf"\bfield {re.escape(name)} \(position", text) is not None
