"""The state of the shop is a function of which days were ingested, not of their order: a property, on plain dicts."""

from datetime import date
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.batches import BatchKey
from ingestion.changes import Changes, extra_batch, first_load, later_day
from ingestion.config import IngestionConfig, Shares, Volumes
from ingestion.journal import Journal, founded
from ingestion.lifecycle import LAST_CHANGE
from ingestion.rows import DAY, day_number
from ingestion.schema import load_schema
from ingestion.shop import Shop

FIRST = day_number(date(2025, 1, 31))
# Small, and restless: much is late, refunded, moved and repriced.
CONFIG = IngestionConfig(
    history_days=4,
    volumes=Volumes(customers=60, products=40, stores=6, sessions=60, transactions=40, reviews=30),
    shares=Shares(late_orders=0.3, refunded=0.4, cancelled=0.5, daily_moves=0.1, daily_price_changes=0.1),
)
Row = dict[str, Any]
State = dict[tuple[str, int], Row]


def apply(state: State, changes: Changes) -> set[int]:
    """Do to `state` (rows by table and key) what PostgreSQL would; returns the days of daily tables that changed."""
    tables, touched = load_schema().tables, set()
    for table, chunks in changes.inserts.items():
        for row in rows_of(chunks):
            identity = (table, row[tables[table].key[0]])
            assert identity not in state, f"{identity} inserted twice"
            state[identity] = row
            touched |= {row["created_at"] // DAY} if tables[table].partition else set()
    for table, chunks in changes.updates.items():
        for row in sorted(rows_of(chunks), key=lambda row: row["updated_at"]):
            kept = state[table, row[tables[table].key[0]]]
            kept |= row
            touched |= {kept["created_at"] // DAY} if tables[table].partition else set()
    return touched


def rows_of(chunks: list[dict[str, Any]]) -> list[Row]:
    """Plain rows; what is NULL is None."""
    rows = []
    for chunk in chunks:
        columns = [values.astype(object).tolist() for values in chunk.values()]
        rows += [dict(zip(chunk, values, strict=True)) for values in zip(*columns, strict=True)]
    return rows


def grow(days: list[int | BatchKey]) -> tuple[State, dict[str, dict[Any, int]]]:
    """The shop after these days and extra batches, in this order, and its expected totals."""
    state: State = {}
    journal = founded(CONFIG, FIRST)
    totals: dict[str, dict[Any, int]] = {"rows": {}, "cents": {}}
    note(totals, first := first_load(Shop(CONFIG, FIRST, FIRST), journal))
    apply(state, first)
    for step in days:
        day = step.day if isinstance(step, BatchKey) else step
        changes, journal = take(journal, step)
        touched = apply(state, changes)
        assert all(day - LAST_CHANGE <= changed <= day for changed in touched), "a run's lookback would miss this"
        note(totals, changes)
    return state, totals


def take(journal: Journal, step: int | BatchKey) -> tuple[Changes, Journal]:
    if isinstance(step, BatchKey):
        shop = Shop(CONFIG, FIRST, max(journal.last_day, step.day))
        return extra_batch(shop, journal, step), journal.with_batch(step)
    return later_day(Shop(CONFIG, FIRST, max(journal.last_day, step)), journal, step), journal.with_day(step)


def note(totals: dict[str, dict[Any, int]], changes: Changes) -> None:
    tally = changes.tally
    for name, new in (("rows", tally.rows), ("cents", tally.cents)):
        kept = {key: value for key, value in totals[name].items() if not set(key) & set(tally.days)}
        totals[name] = kept | dict(new)


def counted(state: State) -> dict[str, dict[Any, int]]:
    """The same totals, from the rows."""
    tables, rows, cents = load_schema().tables, dict[Any, int](), dict[Any, int]()
    for (table, _), row in state.items():
        day = row["created_at"] // DAY
        if tables[table].partition:
            rows[table, day] = rows.get((table, day), 0) + 1
        if table == "transaction":
            cents[day, row["status"]] = cents.get((day, row["status"]), 0) + row["total_amount"]
    return {"rows": rows, "cents": cents}


steps = st.lists(
    st.one_of(
        st.integers(FIRST + 1, FIRST + 9),
        st.builds(BatchKey, st.integers(FIRST - 3, FIRST + 9), st.just(1), st.integers(1, 20)),
    ),
    unique_by=lambda step: (step.day, 1) if isinstance(step, BatchKey) else (step, 0),
    max_size=7,
)


@settings(max_examples=25, deadline=None)
@given(steps, st.randoms(use_true_random=False))
def test_any_order_of_the_same_days_gives_the_same_shop(days: list[int | BatchKey], random: Any) -> None:
    shuffled = random.sample(days, len(days))
    state, totals = grow(days)
    assert grow(shuffled) == (state, totals)
    assert counted(state) == totals


def test_later_days_really_change_earlier_orders() -> None:
    """Guards the property: it would hold of a shop in which nothing ever happens, too."""
    days = list(range(FIRST + 1, FIRST + 8))
    journal, updated = founded(CONFIG, FIRST), []
    for day in days:
        changes, journal = take(journal, day)
        updated += rows_of(changes.updates["transaction"])
        assert len(rows_of(changes.updates["customer"])) + len(rows_of(changes.updates["product"])) > 0
    assert {row["status"] for row in updated} == {"paid", "refunded", "cancelled"}


def test_another_seed_gives_another_shop() -> None:
    other = CONFIG.model_copy(update={"seed": CONFIG.seed + 1})
    ours, theirs = (Shop(c, FIRST, FIRST).orders(BatchKey(FIRST)).columns["total_amount"] for c in (CONFIG, other))
    assert not np.array_equal(ours, theirs)
