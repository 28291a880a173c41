"""Data problems that stop nothing: what a step or an audit reports, as troubles that people hear of.

What lasts (rows in quarantine, a test that warns, tables that differ) is heard of once, again when it has grown, and
once more when it is over. A changed column is news: it is heard of once, for as long as every run says the same of it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from pipeline.alerts.troubles import Trouble
from pipeline.catalog import load_catalog
from pipeline.evidence import in_source, in_staging
from pipeline.rejected import with_rejected
from pipeline.reports import (
    AuditReport,
    ExtractReport,
    PublishReport,
    SyncReport,
    TableAudit,
    TransformReport,
    Warned,
    counted,
)
from pipeline.settings import Settings

_SHOWN = 5

_IN_QUARANTINE = """They are kept out of the facts, and the marts' sums lack them; all else is published.
Correct them in the source, and the next run brings them back. docs/reliability.md lists the reasons."""
_IS_REJECTED = """No warehouse can be trusted to hold them exactly: they lie apart, each with the reason, and all other
rows are published. Correct them in the source. docs/types.md says what is rejected."""
_COLUMNS_CHANGED = """Where the table follows its source: see whether a model needs the change.
Where something is not moved: `tillroll discover` prints the source as it is now, and config/tables.yml says what
is moved."""
_WARNS = """Look at the rows. What was built is published all the same: a test that is to stop it has severity error."""
_IN_WAREHOUSE = """Rows in the warehouse are no longer those that were published.
`tillroll audit --heal` publishes them again."""
_IN_SOURCE = """The source has changed since. A run brings what is within its lookback, and the sweep the rest in
time; `tillroll audit --heal` brings it now."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What one watcher sees in a report. `lasting` says that people hear of its end."""

    watcher: str
    troubles: tuple[Trouble, ...]
    lasting: bool = True


def seen_in(settings: Settings, report: Any) -> Iterator[Seen]:
    """What a report says of things that may be wrong with the data: nothing, where none of them was looked at."""
    match report:
        case SyncReport():
            yield from seen_in(settings, report.extract)
            yield from seen_in(settings, report.publish)
        case ExtractReport():
            yield Seen("drift", tuple(_drift(line, report.day) for line in report.warnings), lasting=False)
        case PublishReport():
            yield Seen("rejected", tuple(_rejected(name, n, report.day) for name, n in report.rejected.items()))
        case TransformReport(nothing_to_do=False):
            warned = tuple(_warned(warning, report) for warning in report.warned)
            yield Seen(f"tests of {report.dataset}", warned)
            if report.dataset == "core":
                kept = report.quarantined.items()
                yield Seen("quarantine", tuple(_quarantined(table, rows, report.day) for table, rows in kept))
        case AuditReport():
            yield Seen("audit", tuple(_audited(settings, report)))


def _drift(line: str, day: date) -> Trouble:
    return Trouble(
        topic=f"drift {line}",
        title=f"SCHEMA CHANGED: {line.rpartition(': ')[0]}",
        facts=(("Day", f"seen by the run for {day}"),),
        sections=(("What changed", line), ("What to do", _COLUMNS_CHANGED)),
        severity="warning",
    )


def _rejected(table: str, rows: int, day: date) -> Trouble:
    query = f"select reason, count(*) from staging.{table} group by reason order by 2 desc;"
    return _rows(f"rejected {table}", f"REJECTED {counted(rows)}: see staging.{table}", rows, day, _IS_REJECTED, query)


def _quarantined(table: str, rows: int, day: date) -> Trouble:
    query = f"select quarantine_reason, count(*) from staging.quarantine_{table} group by 1 order by 2 desc;"
    title = f"QUARANTINED {counted(rows)} of {table}"
    return _rows(f"quarantine {table}", title, rows, day, _IN_QUARANTINE, query)


def _warned(warned: Warned, report: TransformReport) -> Trouble:
    title = f"WARNING: {warned}"
    return _rows(f"test {report.dataset} {warned.test}", title, warned.rows, report.day, _WARNS, warned.sql)


def _rows(topic: str, title: str, rows: int, day: date, remedy: str, query: str) -> Trouble:
    facts = (("Rows", f"{rows:,}"), ("Day", f"seen by the run for {day}"))
    return Trouble(topic, title, facts, (("What to do", remedy), ("To see them", query)), severity="warning", size=rows)


def _audited(settings: Settings, report: AuditReport) -> Iterator[Trouble]:
    tables = {table.name: table for table in with_rejected(load_catalog(settings.catalog_path))}
    for audited in report.tables:
        if not audited.differences:
            continue
        table = tables[audited.table]
        queries = [
            query
            for partition in (difference.partition for difference in audited.differences[:_SHOWN])
            for query in (
                in_source(table, partition.day),
                in_staging(table.name, table.partition, partition.day, settings.warehouse),
            )
        ]
        yield _differs(audited, "\n".join(queries))


def _differs(audited: TableAudit, queries: str) -> Trouble:
    count = len(audited.differences)
    more = f"\n- … and {count - _SHOWN} more" if count > _SHOWN else ""
    return Trouble(
        topic=f"audit {audited.table}",
        title=f"DIFFERS: {count} partition{'' if count == 1 else 's'} of {audited.table}",
        facts=(
            ("Table", audited.table),
            ("Rows", f"{audited.source_rows:,} source, {audited.warehouse_rows:,} staging"),
        ),
        sections=(
            ("What differs", "\n".join(f"- {difference}" for difference in audited.differences[:_SHOWN]) + more),
            ("What to do", _IN_WAREHOUSE if audited.altered else _IN_SOURCE),
            ("To see it", queries),
        ),
        severity="error" if audited.altered else "warning",
        size=len(audited.altered),
    )
