"""Applying changes: rows, journal and expected totals go to the database together, in the caller's transaction."""

from collections import Counter
from dataclasses import dataclass, field

from psycopg import Cursor
from psycopg.rows import TupleRow

from ingestion.batches import BatchKey
from ingestion.changes import Changes, extra_batch, first_load, later_day
from ingestion.config import IngestionConfig
from ingestion.journal import JOURNAL_DDL, Journal, founded, record_batch, record_day, record_founding
from ingestion.schema import load_schema
from ingestion.shop import Shop
from ingestion.tally import EXPECTED_DDL, record_tally
from ingestion.write import insert_rows, update_rows


@dataclass(frozen=True, slots=True)
class Written:
    """Rows written, by table."""

    inserted: Counter[str] = field(default_factory=Counter)
    updated: Counter[str] = field(default_factory=Counter)

    def __add__(self, other: "Written") -> "Written":
        return Written(self.inserted + other.inserted, self.updated + other.updated)


def found_shop(cursor: Cursor[TupleRow], config: IngestionConfig, first_day: int) -> tuple[Journal, Written]:
    """Make schema and tables and write the first load. Keys come last: checked in bulk, they cost far less."""
    schema, journal = load_schema(), founded(config, first_day)
    for statement in [*schema.create_tables(), JOURNAL_DDL, EXPECTED_DDL]:
        cursor.execute(statement)
    shop = Shop(config, first_day, first_day)
    written = _write(cursor, first_load(shop, journal))
    for statement in [*schema.create_keys(), *schema.analyze()]:
        cursor.execute(statement)
    record_founding(cursor, config, first_day)
    record_day(cursor, first_day)
    return journal, written


def add_day(cursor: Cursor[TupleRow], config: IngestionConfig, journal: Journal, day: int) -> Written:
    """Write a day that is not there yet."""
    shop = Shop(config, journal.first_day, max(journal.last_day, day))
    written = _write(cursor, later_day(shop, journal, day))
    record_day(cursor, day)
    return written


def add_batch(cursor: Cursor[TupleRow], config: IngestionConfig, journal: Journal, day: int, orders: int) -> Written:
    """Write an extra batch of orders on a day from the history's first on."""
    number = 1 + max((key.number for key in journal.extra if key.day == day), default=0)
    key = BatchKey(day, number, orders)
    shop = Shop(config, journal.first_day, max(journal.last_day, day))
    written = _write(cursor, extra_batch(shop, journal, key))
    record_batch(cursor, key)
    return written


def _write(cursor: Cursor[TupleRow], changes: Changes) -> Written:
    schema, written = load_schema(), Written()
    for name, rows in changes.inserts.items():
        written.inserted[name] = insert_rows(cursor, schema, schema.tables[name], rows)
    for name, rows in changes.updates.items():
        written.updated[name] = update_rows(cursor, schema, schema.tables[name], rows)
    record_tally(cursor, changes.tally)
    return written
