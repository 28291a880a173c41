"""How many published rows a run finds gone from the source, and when that is too many to publish unasked."""

from collections.abc import Mapping
from datetime import UTC, date, datetime

import pytest

from pipeline.catalog import parse_catalog
from pipeline.fingerprint import Fingerprint, Partition
from pipeline.ledger import Ledger, LedgerEntry
from pipeline.vanishing import FAMILIAR, FLOOR, Loss, loss, unfamiliar

CATALOG = parse_catalog(
    {
        "schema": "shop",
        "tables": {"sale": {"partition": "at", "columns": {"id": "int not null", "at": "date not null"}}},
    }
)
(SALE,) = CATALOG
D = date(2025, 1, 10)


def lost(before: Mapping[int, int], now: Mapping[int, int], schema_id: str = SALE.schema_id) -> Loss:
    """Rows by day of January, as published and as the source has them."""
    at = datetime(2025, 1, 11, tzinfo=UTC)
    ledger = Ledger(
        LedgerEntry(Partition("sale", date(2025, 1, day)), Fingerprint(rows, 7), schema_id, 5, D, at)
        for day, rows in before.items()
    )
    return loss(
        SALE, {Partition("sale", date(2025, 1, day)): Fingerprint(rows, 9) for day, rows in now.items()}, ledger
    )


@pytest.mark.parametrize(
    ("before", "now", "is_large"),
    [
        ({1: 1000}, {1: 899}, True),
        ({1: 1000}, {1: 900}, False),
        ({1: 500, 2: 500}, {1: 500, 2: 399}, True),
        ({1: 500, 2: 500}, {1: 800, 2: 200}, False),  # rows moved from one day to another
        ({1: 1000}, {1: 800, 2: 190}, False),  # to one that is published for the first time
        ({1: 1000}, {1: 0, 3: 700, 4: 700}, True),  # after a pause, the days since hold rows of their own
        ({1: 1000, 3: 10}, {1: 800, 2: 190, 3: 10}, False),  # to an old day that had none
        ({1: 1000}, {1: 800, 2: 100}, True),  # a new day's own rows do not make up for those of others
        ({1: 1000, 9: 5000}, {1: 899}, True),  # days that are not compared say nothing
        ({1: 3}, {1: 2}, False),
        ({1: 20}, {1: 20 - FLOOR}, False),
        ({1: 20}, {1: 20 - FLOOR - 1}, True),
        ({}, {1: 10}, False),
        ({1: 0}, {1: 0}, False),
    ],
)
def test_a_tenth_may_go_unasked_and_a_few_rows_of_any_table(
    before: dict[int, int], now: dict[int, int], is_large: bool
) -> None:
    assert lost(before, now).is_large(0.1) is is_large


def test_a_share_of_one_asks_for_nothing_but_the_last_rows() -> None:
    assert not lost({1: 1000}, {1: 0}).is_large(1)
    assert lost({1: 1000}, {1: 0}).is_total


@pytest.mark.parametrize(
    ("before", "now", "is_total"),
    [
        ({1: 3}, {1: 0}, True),
        ({1: 3, 2: 0}, {1: 0, 2: 0}, True),
        ({1: 3}, {1: 1}, False),
        ({1: 3}, {1: 0, 2: 1}, False),
        ({1: 0}, {1: 0}, False),
        ({}, {1: 0}, False),
    ],
)
def test_the_last_rows_of_all_that_is_compared(before: dict[int, int], now: dict[int, int], is_total: bool) -> None:
    assert lost(before, now).is_total is is_total


def test_rows_that_were_published_with_other_columns_are_missed_too() -> None:
    assert lost({1: 1000}, {1: 1}, schema_id="another").missing == 999


def test_a_question_names_the_days_that_lost_most_first() -> None:
    found = lost({1: 100, 2: 100, 3: 100}, {1: 90, 2: 0, 3: 101})

    assert str(found) == "109 of 300 published rows of sale (sale 2025-01-02; sale 2025-01-01)"


@pytest.mark.parametrize(
    ("days", "same", "without_rows", "schema_id", "strange"),
    [
        (FAMILIAR, 0, 0, SALE.schema_id, f"{FAMILIAR} published partitions"),
        (FAMILIAR, 1, 0, SALE.schema_id, ""),
        (FAMILIAR - 1, 0, 0, SALE.schema_id, ""),  # too few to tell
        (FAMILIAR, 0, 1, SALE.schema_id, ""),  # no rows are like any other's
        (FAMILIAR, 0, 0, "another", ""),  # with other columns nothing is as it was
    ],
)
def test_a_source_in_which_nothing_is_as_it_was_is_unfamiliar(
    days: int, same: int, without_rows: int, schema_id: str, strange: str
) -> None:
    at = datetime(2025, 1, 11, tzinfo=UTC)
    partitions = [Partition("sale", date(2025, 1, day)) for day in range(1, days + 1)]
    rows = dict.fromkeys(partitions, 5) | dict.fromkeys(partitions[:without_rows], 0)
    ledger = Ledger(LedgerEntry(p, Fingerprint(rows[p], 7), schema_id, 5, D, at) for p in partitions)
    found = {p: Fingerprint(rows[p], 7 if p in partitions[:same] else 8) for p in partitions}

    assert unfamiliar(CATALOG, found, ledger) == strange
