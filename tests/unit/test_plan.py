"""The plan: which days a run compares, and which partitions it must publish. All of it is arithmetic."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

import pytest

from pipeline.catalog import Table, parse_catalog
from pipeline.fingerprint import EMPTY, Fingerprint, Partition
from pipeline.ledger import Ledger, LedgerEntry
from pipeline.plan import Planned, Span, Window, expected_partitions, plan_table, window

COLUMNS = {"id": "int not null", "created_at": "date not null"}
SALE, CUSTOMER = parse_catalog(
    {
        "schema": "shop",
        "tables": {"sale": {"partition": "created_at", "columns": COLUMNS}, "customer": {"columns": COLUMNS}},
    }
)
(WIDER,) = parse_catalog(
    {"schema": "shop", "tables": {"sale": {"partition": "created_at", "columns": COLUMNS | {"note": "text"}}}}
)
SOME, OTHER = Fingerprint(2, 7), Fingerprint(3, 11)
D = date(2025, 1, 10)


def day(offset: int) -> date:
    return D + timedelta(days=offset)


def partition(offset: int) -> Partition:
    return Partition("sale", day(offset))


def published(partitions: Mapping[Partition, Fingerprint], table: Table = SALE) -> Ledger:
    """A ledger in which each partition has the sequence 5."""
    now = datetime(2025, 1, 11, tzinfo=UTC)
    return Ledger(LedgerEntry(p, found, table.schema_id, 5, D, now) for p, found in partitions.items())


def plan(
    source: Mapping[Partition, Fingerprint], ledger: Ledger, table: Table = SALE, lookback: int = 7
) -> list[Planned]:
    expected = expected_partitions(table, source, D, window(table, D, lookback, ledger), ledger)
    return plan_table(table, expected, ledger)


# the window


def test_a_table_never_published_is_compared_from_the_beginning() -> None:
    assert window(SALE, D, 7, Ledger()) == Window((Span(None, D),))
    assert window(SALE, D, 7, published({Partition("customer"): SOME}, CUSTOMER)) == Window((Span(None, D),))


def test_a_run_looks_back() -> None:
    ledger = published({partition(offset): SOME for offset in range(-30, 0)})

    assert window(SALE, D, 7, ledger) == Window((Span(day(-7), D),))
    assert window(SALE, D, 0, ledger) == Window((Span(D, D),))


def test_a_run_after_a_pause_looks_at_all_the_days_in_between() -> None:
    ledger = published({partition(-30): SOME, partition(-20): SOME})

    assert window(SALE, D, 7, ledger) == Window((Span(day(-19), D),))


def test_a_later_day_that_is_published_hides_no_pause() -> None:
    ledger = published({partition(-20): SOME, partition(3): SOME})

    assert window(SALE, D, 7, ledger) == Window((Span(day(-19), D),))


def test_a_run_before_everything_published_looks_back_as_far_as_any() -> None:
    assert window(SALE, D, 7, published({partition(3): SOME})) == Window((Span(day(-7), D),))


def test_other_columns_bring_all_history_up_to_the_last_published_day() -> None:
    ledger = published({partition(-3): SOME, partition(5): SOME})

    assert window(WIDER, D, 7, ledger) == Window((Span(None, day(5)),))


@pytest.mark.parametrize(
    ("compared", "inside", "outside"),
    [
        (Window((Span(day(-1), D),)), [day(-1), D], [day(-2), day(1)]),
        (Window((Span(None, D),)), [date.min, D], [day(1)]),
    ],
)
def test_both_ends_of_a_window_belong_to_it(compared: Window, inside: list[date], outside: list[date]) -> None:
    assert all(found in compared for found in inside)
    assert not any(found in compared for found in outside)


# the sweep


def swept(ledger: Ledger, count: int) -> list[tuple[int | None, int]]:
    """The spans of the run for D, but for its own, as offsets from D."""
    spans = window(SALE, D, 7, ledger, count).spans
    return [((s.first - D).days if s.first else None, (s.last - D).days) for s in spans if s.last != D]


def seen(sequences: Mapping[int, int]) -> Ledger:
    """A ledger of days, by offset from D, and the sequence of the last snapshot that found each."""
    now = datetime(2025, 1, 11, tzinfo=UTC)
    return Ledger(LedgerEntry(partition(o), SOME, SALE.schema_id, found, D, now) for o, found in sequences.items())


def test_the_sweep_begins_with_the_day_that_was_compared_longest_ago() -> None:
    ledger = seen({-30: 9, -20: 3, -19: 8, -18: 4, -10: 7, -3: 1, 0: 1})

    assert swept(ledger, 0) == []
    assert swept(ledger, 1) == [(-29, -20)]
    assert swept(ledger, 2) == [(-29, -19)]
    assert swept(ledger, 100) == [(-29, -10)]


def test_of_days_that_were_compared_together_the_oldest_comes_first_and_all_that_was_before_it() -> None:
    assert swept(seen(dict.fromkeys(range(-30, 1), 5)), 2) == [(None, -29)]


def test_days_without_rows_are_swept_with_the_next_that_has_some() -> None:
    """A row that comes to such a day is found. No day is left out."""
    assert swept(seen({-100: 1, -50: 2, -9: 3, -1: 4}), 3) == [(None, -9)]
    assert swept(seen({-100: 3, -50: 2, -9: 1, -1: 4}), 2) == [(-49, -9)]
    assert swept(seen({-100: 3, -50: 1, -9: 2, -1: 4}), 2) == [(-99, -9)]


def test_neither_later_days_nor_a_table_that_comes_whole_are_swept() -> None:
    assert swept(seen(dict.fromkeys(range(-7, 9), 5)), 5) == []
    assert window(WIDER, D, 7, seen({-30: 1, 0: 1}), 5) == Window((Span(None, D),))


@pytest.mark.parametrize("sweep", [1, 3, 7, 100])
def test_daily_runs_come_round_to_every_day_in_a_row_and_in_turn(sweep: int) -> None:
    """Time goes on, and every run adds a day to those beyond its lookback."""
    history = 40
    sequences = dict.fromkeys(range(-history, 1), 0)
    for run in range(1, 200):
        today = D + timedelta(days=run)
        compared = window(SALE, today, 7, seen(sequences), sweep)
        assert len(compared.spans) <= 2
        sequences[run] = run
        sequences |= {offset: run for offset in sequences if day(offset) in compared}
        # Never longer than twice the runs that the days there are by then take.
        longest = run - min(sequences[offset] for offset in sequences if offset < run - 7)
        assert longest <= 2 * (history + run) // sweep + 2


def test_a_round_takes_as_many_runs_as_it_must() -> None:
    sequences = dict.fromkeys(range(-40, 1), 0)
    rounds = []
    for run in range(1, 12):
        compared = window(SALE, D, 7, seen(sequences), 7)
        rounds.append([offset for offset in range(-40, -7) if day(offset) in compared])
        sequences |= {offset: run for offset in sequences if day(offset) in compared}

    first = [list(range(start, min(start + 7, -7))) for start in range(-40, -7, 7)]
    assert rounds == [*first, *first, first[0]]


# what is asked for besides


def test_days_that_are_asked_for_are_compared_too_in_as_few_spans_as_can_be() -> None:
    ledger = seen(dict.fromkeys(range(-30, 1), 5))
    also = [
        partition(-8),
        partition(-20),
        partition(-21),
        partition(-3),
        Partition("other", day(-15)),
        Partition("sale"),
    ]

    assert window(SALE, D, 7, ledger, 0, also) == Window((Span(day(-21), day(-20)), Span(day(-8), D)))


def test_what_was_altered_in_the_warehouse_is_planned_though_it_is_equal() -> None:
    source = {partition(-1): SOME, partition(0): SOME}
    expected = expected_partitions(SALE, source, D, window(SALE, D, 7, published(source)), published(source))

    assert plan_table(SALE, expected, published(source), {partition(-1)}) == [Planned(partition(-1), SOME, "altered")]


# daily tables


def test_a_first_run_takes_every_day_and_its_own_even_without_rows() -> None:
    planned = plan({partition(-9): SOME, partition(-100): OTHER}, Ledger())

    assert planned == [
        Planned(partition(-100), OTHER, "new"),
        Planned(partition(-9), SOME, "new"),
        Planned(partition(0), EMPTY, "new"),
    ]


def test_what_is_published_and_equal_is_left_alone() -> None:
    source = {partition(-1): SOME, partition(0): OTHER}

    assert plan(source, published(source)) == []


def test_a_day_published_without_rows_is_left_alone() -> None:
    assert plan({}, published({partition(0): EMPTY, partition(-1): EMPTY})) == []


@pytest.mark.parametrize("found", [Fingerprint(2, 8), Fingerprint(3, 7)])
def test_a_changed_day_is_planned(found: Fingerprint) -> None:
    ledger = published({partition(-1): SOME, partition(0): SOME})

    assert plan({partition(-1): found, partition(0): SOME}, ledger) == [Planned(partition(-1), found, "changed")]


def test_a_late_day_that_never_had_rows_is_new() -> None:
    ledger = published({partition(-5): SOME, partition(0): SOME})

    planned = plan({partition(-5): SOME, partition(-2): OTHER, partition(0): SOME}, ledger)

    assert planned == [Planned(partition(-2), OTHER, "new")]


def test_a_day_that_lost_all_its_rows_is_emptied() -> None:
    ledger = published({partition(-2): SOME, partition(0): SOME})

    assert plan({partition(0): SOME}, ledger) == [Planned(partition(-2), EMPTY, "emptied")]


def test_a_day_outside_the_window_is_not_emptied() -> None:
    """Its fingerprint was not taken: absent there does not mean without rows."""
    ledger = published({partition(-20): SOME, partition(4): SOME, partition(-1): SOME, partition(0): SOME})

    assert plan({partition(-1): SOME, partition(0): SOME}, ledger) == []


def test_days_missed_in_a_pause_are_planned() -> None:
    ledger = published({partition(-20): SOME})

    planned = plan({partition(-15): OTHER, partition(0): SOME}, ledger)

    assert [(p.partition, p.reason) for p in planned] == [(partition(-15), "new"), (partition(0), "new")]


def test_other_columns_make_every_day_new_and_empty_those_that_are_gone() -> None:
    """The sequences stay: an object that was written before this plan must not be taken for it."""
    ledger = published({partition(-40): SOME, partition(-30): SOME, partition(0): SOME})

    planned = plan({partition(-40): SOME, partition(0): SOME}, ledger, WIDER)

    assert planned == [
        Planned(partition(-40), SOME, "new"),
        Planned(partition(-30), EMPTY, "new"),
        Planned(partition(0), SOME, "new"),
    ]


def test_another_table_is_nobodys_business() -> None:
    ledger = Ledger(
        [*published({partition(0): SOME}).values(), *published({Partition("other", day(-1)): SOME}).values()]
    )

    assert plan({partition(0): SOME}, ledger) == []


# whole tables


def test_a_whole_table_is_one_partition() -> None:
    whole = Partition("customer")
    ledger = published({whole: SOME}, CUSTOMER)

    assert plan({whole: SOME}, Ledger(), CUSTOMER) == [Planned(whole, SOME, "new")]
    assert plan({whole: SOME}, ledger, CUSTOMER) == []
    assert plan({whole: OTHER}, ledger, CUSTOMER) == [Planned(whole, OTHER, "changed")]
    assert plan({whole: EMPTY}, ledger, CUSTOMER) == [Planned(whole, EMPTY, "emptied")]


def test_an_empty_whole_table_is_published_once() -> None:
    whole = Partition("customer")

    assert plan({whole: EMPTY}, Ledger(), CUSTOMER) == [Planned(whole, EMPTY, "new")]
    assert plan({whole: EMPTY}, published({whole: EMPTY}, CUSTOMER), CUSTOMER) == []
