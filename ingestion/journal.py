"""The journal: what the shop remembers, in schema `shop_ledger`: days and batches. Their rows can be drawn again."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace

from psycopg import Cursor
from psycopg.rows import TupleRow

from ingestion.batches import BatchKey
from ingestion.config import IngestionConfig
from ingestion.errors import ShopError
from ingestion.rows import day_number, day_of

# Raised when a change of the code changes the rows that a configuration gives.
RULES = 1
BEGIN_AGAIN = "Drop the schemas `ecommerce` and `shop_ledger` to begin again with a fresh shop."

JOURNAL_DDL = """
create schema shop_ledger;
create table shop_ledger.shop (
    is_it boolean primary key default true check (is_it),
    first_day date not null,
    rules integer not null,
    config jsonb not null
);
create table shop_ledger.ingested_day (day date primary key);
create table shop_ledger.extra_batch (
    day date not null,
    number smallint not null,
    orders integer not null,
    primary key (day, number)
);
"""


@dataclass(frozen=True, slots=True)
class Journal:
    """What was written so far, as day numbers. `ingested` includes the first day; history before it does not count."""

    first_day: int
    opening: int
    ingested: frozenset[int]
    extra: tuple[BatchKey, ...]

    @property
    def last_day(self) -> int:
        """The latest day anything was written for: customers and products are those of this day."""
        return max(self.ingested | {key.day for key in self.extra})

    def is_present(self, day: int) -> bool:
        """Whether the day's own rows are there."""
        return self.opening <= day <= self.first_day or day in self.ingested

    def batches(self, first: int, last: int) -> Iterator[BatchKey]:
        """Every batch of the days from `first` to `last`."""
        yield from (BatchKey(day) for day in range(first, last + 1) if self.is_present(day))
        yield from (key for key in self.extra if first <= key.day <= last)

    def with_day(self, day: int) -> "Journal":
        return replace(self, ingested=self.ingested | {day})

    def with_batch(self, key: BatchKey) -> "Journal":
        return replace(self, extra=(*self.extra, key))


def founded(config: IngestionConfig, first_day: int) -> Journal:
    """The journal of a shop whose first day this is."""
    return Journal(first_day, first_day - config.history_days + 1, frozenset([first_day]), ())


def read_journal(cursor: Cursor[TupleRow], config: IngestionConfig) -> Journal | None:
    """The journal of the shop in this database; None when there is no shop yet.

    Raises:
        ShopError: the shop was made with other values or by other code, or the tables are not a practice shop's.
    """
    cursor.execute("select to_regclass('shop_ledger.shop') is not null, to_regnamespace('ecommerce') is not null")
    has_journal, has_tables = cursor.fetchone() or (False, False)
    if not has_journal and has_tables:
        raise ShopError(
            "the database has a schema `ecommerce` that the practice shop did not make; nothing was written",
            "Point TILLROLL_SOURCE_URL at another database, or set TILLROLL_SOURCE=external to only read this one.",
        )
    if not has_journal:
        return None
    if not has_tables:
        raise ShopError("the shop's schema `ecommerce` is gone, its ledger is not", BEGIN_AGAIN)
    row = cursor.execute("select first_day, rules, config from shop_ledger.shop").fetchone()
    if row is None:
        raise ShopError("shop_ledger.shop is empty", BEGIN_AGAIN)
    first_day, rules, recorded = row
    _check_origin(config, rules, recorded)
    ingested = frozenset(day_number(day) for (day,) in cursor.execute("select day from shop_ledger.ingested_day"))
    batches = cursor.execute("select day, number, orders from shop_ledger.extra_batch order by day, number")
    extra = tuple(BatchKey(day_number(day), number, orders) for day, number, orders in batches)
    first = day_number(first_day)
    return Journal(first, first - config.history_days + 1, ingested, extra)


def _check_origin(config: IngestionConfig, rules: int, recorded: dict[str, object]) -> None:
    """Rows of days already written are drawn again to change them, so they must come out the same."""
    wanted = json.loads(config.model_dump_json())
    if rules != RULES:
        raise ShopError(f"the shop was made by version {rules} of the shop's rules, this is {RULES}", BEGIN_AGAIN)
    if recorded != wanted:
        differing = ", ".join(sorted(key for key in wanted if recorded.get(key) != wanted[key]))
        raise ShopError(
            f"the shop was founded with other values of: {differing}",
            f"Put them back. Or: {BEGIN_AGAIN}",
        )


def record_founding(cursor: Cursor[TupleRow], config: IngestionConfig, first_day: int) -> None:
    """Note first day and configuration."""
    cursor.execute(
        "insert into shop_ledger.shop (first_day, rules, config) values (%s, %s, %s)",
        (day_of(first_day), RULES, config.model_dump_json()),
    )


def record_day(cursor: Cursor[TupleRow], day: int) -> None:
    cursor.execute("insert into shop_ledger.ingested_day values (%s)", (day_of(day),))


def record_batch(cursor: Cursor[TupleRow], key: BatchKey) -> None:
    cursor.execute("insert into shop_ledger.extra_batch values (%s, %s, %s)", (day_of(key.day), key.number, key.orders))
