"""The one script that publishes: rows and their ledger entries change in a single transaction, or nothing does.

BigQuery allows no DDL in a transaction, so the tables are there before. Relations are `project.dataset.table`.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from pipeline.catalog import Table
from pipeline.fingerprint import Fingerprint
from pipeline.warehouse.bigquery_sql import (
    checksum,
    day_chunks,
    in_days,
    inserted_columns,
    quote,
    selected_columns,
    text,
)

LEDGER_CHANGED = "the ledger has changed"
ROWS_DIFFER = "rows in place are not those that were audited"
LEDGER_FIELDS = (
    ("table_name", "STRING"),
    ("partition", "STRING"),
    ("rows", "INT64"),
    ("checksum", "NUMERIC"),
    ("schema_id", "STRING"),
    ("sequence", "INT64"),
    ("run_day", "DATE"),
    ("published_at", "TIMESTAMP"),
)


@dataclass(frozen=True, slots=True)
class Replacement:
    """Partitions of `target` that the rows of `source` replace: these days, or all of a whole table.

    `audited` is the fingerprint of all these rows together. (Each row's text has its day in it.)
    """

    table: Table
    target: str
    source: str
    audited: Fingerprint
    days: tuple[date, ...] = ()


@dataclass(frozen=True, slots=True)
class LedgerStamp:
    """What a ledger held when it was read: an entry written since changes it."""

    entries: int
    sequences: int


def publish_script(
    replacements: Sequence[Replacement], ledger: str, entries: str, stamp: LedgerStamp, forgotten: Sequence[str] = ()
) -> str:
    """One transaction: the replacements and their ledger entries, unless another has published since `stamp`.

    `entries` is a table of the new ledger entries; `forgotten` names tables whose older entries mean nothing any more.
    """
    statements = [fence(ledger, stamp)]
    for replacement in replacements:
        statements += replace_statements(replacement)
    statements += ledger_statements(ledger, entries, forgotten)
    return transaction(statements)


def forget_script(ledger: str, stamp: LedgerStamp, tables: Sequence[str]) -> str:
    """One transaction: these tables' entries go, unless another has published since `stamp`."""
    return transaction([fence(ledger, stamp), _forget(ledger, tables)])


def transaction(statements: Iterable[str]) -> str:
    """A script that does all of this or nothing: where a statement fails, BigQuery rolls back."""
    return "".join(f"{statement};\n" for statement in ["begin transaction", *statements, "commit transaction"])


def fence(ledger: str, stamp: LedgerStamp) -> str:
    """Fails where the ledger is not as it was read. Two transactions that both write it never both commit."""
    # Some five thousand sequences, microseconds since 1970 each, are together more than an INT64 can hold.
    sequences = f"coalesce(sum(cast(sequence as numeric)), 0) = numeric '{stamp.sequences}'"
    unchanged = f"count(*) = {stamp.entries} and {sequences}"
    return f"select if({unchanged}, true, error({text(LEDGER_CHANGED)})) from {quote(ledger)}"


def replace_statements(replacement: Replacement) -> Iterator[str]:
    """Take the partitions' rows out of the target, put the source's rows in, and prove them where readers find them."""
    yield from change_statements(replacement)
    yield _proof(replacement)


def change_statements(replacement: Replacement) -> Iterator[str]:
    """The same without the proof."""
    table, target = replacement.table, quote(replacement.target)
    insert = (
        f"insert into {target} ({inserted_columns(table)}) "
        f"select {selected_columns(table)} from {quote(replacement.source)} as t"
    )
    if not table.is_daily:
        yield f"delete from {target} as t where true"
        yield insert
        return
    for days in day_chunks(replacement.days):
        yield f"delete from {target} as t where {in_days(table, days)}"
        yield f"{insert} where {in_days(table, days)}"


def ledger_statements(ledger: str, entries: str, forgotten: Sequence[str] = ()) -> Iterator[str]:
    """Put the new entries in the place of the same partitions' older ones."""
    columns = ", ".join(quote(name) for name, _ in LEDGER_FIELDS)
    if forgotten:
        yield _forget(ledger, forgotten)
    yield (
        f"delete from {quote(ledger)} as t where exists (select 1 from {quote(entries)} as entry "
        "where entry.table_name = t.table_name and entry.`partition` = t.`partition`)"
    )
    yield f"insert into {quote(ledger)} ({columns}) select {columns} from {quote(entries)}"


def _proof(replacement: Replacement) -> str:
    """Fails, and the transaction with it, where the target does not hold what was audited."""
    table, audited = replacement.table, replacement.audited
    where = in_days(table, replacement.days) if table.is_daily else "true"
    equal = f"count(*) = {audited.rows} and {checksum(table)} = numeric '{audited.checksum}'"
    failure = text(f"{table.name}: {ROWS_DIFFER}")
    return f"select if({equal}, true, error({failure})) from {quote(replacement.target)} as t where {where}"


def _forget(ledger: str, tables: Sequence[str]) -> str:
    return f"delete from {quote(ledger)} where table_name in ({', '.join(map(text, tables))})"
