"""The order of snapshots: each extract's sequence is above every one that was ever given, published or not.

The source's clock gives it, and may be set back or be wrong for a day. What is published is in the ledger; what was
extracted and never published is only in the lake, which therefore keeps the last sequence given.
"""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, ValidationError

from pipeline import checksum
from pipeline.errors import CorruptObjectError
from pipeline.lake.base import Lake
from pipeline.ledger import Ledger

SEQUENCE = "source/sequence.json"


class Given(BaseModel):
    """The last sequence that an extract was given; `crc32c` is that of its digits."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    last: int
    crc32c: str


def next_sequence(lake: Lake, ledger: Ledger, taken_at: datetime) -> int:
    """The sequence of a snapshot that was taken now. Call it where no other extract runs.

    Raises:
        CorruptObjectError: what the lake keeps of the last one is not what was written.
    """
    clock = int(taken_at.timestamp() * 1_000_000)
    return max(clock, ledger.last_sequence + 1, _last_given(lake) + 1)


def keep_sequence(lake: Lake, sequence: int) -> None:
    """Remember it, before anything in the lake has it."""
    given = Given(last=sequence, crc32c=_checksum(sequence))
    lake.write(SEQUENCE, given.model_dump_json(indent=1).encode() + b"\n")


def _last_given(lake: Lake) -> int:
    """0 in a lake of a version that kept none."""
    content = lake.read(SEQUENCE)
    if content is None:
        return 0
    try:
        given = Given.model_validate_json(content)
    except ValidationError as error:
        raise _broken() from error
    if given.crc32c != _checksum(given.last):
        raise _broken()
    return given.last


def _checksum(sequence: int) -> str:
    return checksum.of_bytes(str(sequence).encode())


def _broken() -> CorruptObjectError:
    return CorruptObjectError(
        f"{SEQUENCE} in the lake is not what was written there",
        "Delete it and run the step again: the source's clock, and what is published, then order its snapshot.",
    )
