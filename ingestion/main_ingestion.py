"""The ingester: brings the practice shop in PostgreSQL to the state after a day, or adds an extra batch of orders.

As a program, `python ingestion/main_ingestion.py [--n 1000] [--day 2025-01-31]` adds a batch.
"""

import sys
from pathlib import Path

if not __package__:  # run as a program: not this folder but its parent belongs on the path
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

import argparse
import logging
import time
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import psycopg

from ingestion.apply import Written, add_batch, add_day, found_shop
from ingestion.config import IngestionConfig, load_config
from ingestion.database import find_url, shop_transaction
from ingestion.errors import ShopError
from ingestion.journal import read_journal
from ingestion.rows import day_number, day_of

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What an ingest wrote: rows by table. `already_done`: the day was there before, nothing was written."""

    day: date
    inserted: dict[str, int]
    updated: dict[str, int]
    seconds: float
    already_done: bool


def ingest(url: str, day: date, config: IngestionConfig | None = None) -> IngestReport:
    """Bring the shop to the state after `day` (UTC). The first call makes the shop, with history up to that day.

    One transaction: a crash leaves nothing behind. A repeat writes nothing. A day before the history has no rows.

    Args:
        url: postgresql://user:password@host:port/database
        day: the day; in an empty database, the shop's first.
        config: when not given, config/ingestion.yml or the file that TILLROLL_INGESTION_CONFIG names.

    Raises:
        ShopError: the database cannot be reached, or holds a shop of another configuration or somebody else's tables.
    """
    started, number = time.perf_counter(), day_number(day)
    config, written, already_done = config or load_config(), Written(), False
    with shop_transaction(url) as cursor:
        journal = read_journal(cursor, config)
        if journal is None:
            _, written = found_shop(cursor, config, number)
        elif number < journal.opening:
            logger.info("%s: no rows, the shop's history begins on %s", day, day_of(journal.opening))
        elif journal.is_present(number):
            already_done = True
            logger.info("%s: already done, nothing to write", day)
        else:
            written = add_day(cursor, config, journal, number)
    return _report(day, written, started, already_done)


def main(n: int = 1000, day: date | None = None, url: str | None = None) -> IngestReport:
    """Insert an extra batch of `n` transactions, with sessions and items, on `day` (default: yesterday in UTC).

    An empty database gets the first load before, with `day` as the shop's first. The database is `url`, else
    the one `tillroll url shop` prints; a real shop is never filled.

    Raises:
        ShopError: as for `ingest`; or n is not positive; or `day` lies before the shop's history.
    """
    started = time.perf_counter()
    day = day or (datetime.now(UTC) - timedelta(days=1)).date()
    config, written, number = load_config(), Written(), day_number(day)
    if n < 1:
        raise ShopError(f"cannot insert {n} transactions", "Ask for one or more.")
    with shop_transaction(url or find_url()) as cursor:
        journal = read_journal(cursor, config)
        if journal is None:
            journal, written = found_shop(cursor, config, number)
        if number < journal.opening:
            opening = day_of(journal.opening)
            raise ShopError(f"{day} lies before the shop's history", f"Choose a day from {opening} on.")
        written += add_batch(cursor, config, journal, number, n)
    return _report(day, written, started, already_done=False)


def _report(day: date, written: Written, started: float, already_done: bool) -> IngestReport:
    seconds = time.perf_counter() - started
    report = IngestReport(day, dict(written.inserted), dict(written.updated), seconds, already_done)
    if written.inserted:
        inserted, updated = written.inserted.total(), written.updated.total()
        logger.info("%s: %d rows inserted, %d updated, %.2f s", day, inserted, updated, seconds)
    return report


def run(arguments: list[str] | None = None) -> int:
    """The program. Returns its exit code: 0 done, 1 PostgreSQL refused, 2 wrong use or configuration."""
    parser = argparse.ArgumentParser(description="Add transactions to the practice shop.")
    parser.add_argument("--n", type=int, default=1000, help="how many (default: %(default)s)")
    parser.add_argument("--day", type=date.fromisoformat, help="on which UTC day, YYYY-MM-DD (default: yesterday)")
    chosen = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        main(chosen.n, chosen.day)
    except ShopError as error:
        logger.error("error: %s", error)
        return error.exit_code
    except psycopg.Error as error:
        logger.error("error: PostgreSQL says: %s\n  remedy: nothing was written; run it again.", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(run())
