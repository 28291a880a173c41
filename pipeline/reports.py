"""What steps report: frozen, typed, and plain enough for JSON, XCom and a person."""

import dataclasses
import json
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from pipeline.audit import Difference
from pipeline.fingerprint import Partition


@dataclass(frozen=True, slots=True)
class ExtractReport:
    """`compared` partitions had their fingerprints taken; `planned` differed, by reason; `written` went to the lake."""

    day: date
    compared: int
    planned: dict[str, int]
    written: int
    rows: int
    bytes: int
    warnings: tuple[str, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class PublishReport:
    """`partitions` were loaded, audited equal and published, by table; `rows` are theirs.

    `rejected` are all the rows that lie apart now, as no warehouse can be trusted to hold them exactly, by the table of
    `staging` that they are in.
    """

    day: date
    partitions: dict[str, int]
    rows: int
    rejected: dict[str, int]
    seconds: float

    @property
    def nothing_to_do(self) -> bool:
        return not self.partitions


@dataclass(frozen=True, slots=True)
class SyncReport:
    """One day's extract and publish."""

    extract: ExtractReport
    publish: PublishReport


@dataclass(frozen=True, slots=True)
class Warned:
    """A dbt test that warns: it found `rows`, which `sql` selects. `model` is empty where it stands beside none."""

    test: str
    model: str
    rows: int
    sql: str

    def __str__(self) -> str:
        return f"dbt test {self.test}{f' on {self.model}' if self.model else ''} found {counted(self.rows)}"


@dataclass(frozen=True, slots=True)
class TransformReport:
    """What a transform built. `days` are those whose facts were replaced; `everything` says all models were built anew.

    `models` counts models and snapshots; `quarantined` rows by source table, where there are any; `warned` are the
    other tests that warn.
    """

    day: date
    dataset: str
    seconds: float
    everything: bool = False
    days: tuple[date, ...] = ()
    models: int = 0
    tests: int = 0
    quarantined: dict[str, int] = field(default_factory=dict)
    warned: tuple[Warned, ...] = ()

    @property
    def nothing_to_do(self) -> bool:
        return not self.models


@dataclass(frozen=True, slots=True)
class TableAudit:
    """One table's published partitions against its source, as both are now.

    `altered` are those whose rows in the warehouse are no longer the ones that were published.
    """

    table: str
    partitions: int
    source_rows: int
    warehouse_rows: int
    differences: tuple[Difference, ...]
    altered: tuple[Partition, ...]
    published: bool

    @property
    def equal(self) -> bool:
        return self.published and not self.differences


@dataclass(frozen=True, slots=True)
class AuditReport:
    """Every table's audit. `until` is the last published day: later ones are not due yet."""

    until: date | None
    tables: tuple[TableAudit, ...]
    seconds: float

    @property
    def equal(self) -> bool:
        return all(table.equal for table in self.tables)


@dataclass(frozen=True, slots=True)
class HealReport:
    """An audit, the publication of what differed, and the audit after it. `synced` is None where nothing differed."""

    before: AuditReport
    synced: SyncReport | None
    after: AuditReport

    @property
    def equal(self) -> bool:
        return self.after.equal


def counted(rows: int) -> str:
    """`1 row`, `2 rows`."""
    return f"{rows:,} row{'' if rows == 1 else 's'}"


def to_json(report: Any) -> str:
    """A report as one JSON document; days as YYYY-MM-DD, checksums as decimal text."""
    return json.dumps(to_plain(report), indent=1)


def to_plain(value: Any) -> Any:
    """A report as dictionaries, lists, text, numbers and None."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        plain = {f.name: to_plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
        return {k: str(v) if k == "checksum" else v for k, v in plain.items()}
    if isinstance(value, dict):
        return {str(key): to_plain(item) for key, item in value.items()}
    if hasattr(value, "_asdict"):
        return to_plain(value._asdict())
    if isinstance(value, (list, tuple, set, frozenset)):
        return [to_plain(item) for item in value]
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    return round(value, 3) if isinstance(value, float) else value
