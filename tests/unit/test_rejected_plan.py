"""Companions: which name each has, what they are made of, and which of their partitions a run compares."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from pipeline.catalog import Catalog, Table, parse_catalog
from pipeline.column_types import resolve_type
from pipeline.fingerprint import EMPTY, Fingerprint, Partition
from pipeline.ledger import Ledger, LedgerEntry
from pipeline.plan import expected_partitions, plan_table, window
from pipeline.rejected import NO_DAY, everything, rejected_table

D = date(2025, 1, 10)
SOME = Fingerprint(2, 7)
COLUMNS = {"id": "int not null", "created_at": "timestamptz not null"}


def catalog(*names: str, **more: Any) -> Catalog:
    return parse_catalog({"schema": "s", "tables": {name: {"columns": COLUMNS, **more} for name in names}})


(SALE,) = catalog("sale", partition="created_at")
(WHOLE,) = catalog("sale")


def ledger(partitions: Mapping[Partition, Fingerprint], *tables: Table) -> Ledger:
    now = datetime(2025, 1, 11, tzinfo=UTC)
    ids = {table.name: table.schema_id for table in tables}
    return Ledger(LedgerEntry(p, found, ids[p.table], 5, D, now) for p, found in partitions.items())


def rejected(day: date | None) -> Partition:
    return Partition("rejected_sale", day)


def test_a_companion_is_a_table_of_its_own() -> None:
    daily, whole = rejected_table(SALE), rejected_table(WHOLE)

    assert [column.name for column in daily.columns] == ["day", "row_key", "reason", "source_row"]
    assert (daily.name, daily.partition, daily.rejects) == ("rejected_sale", "day", SALE)
    assert ([column.name for column in whole.columns], whole.partition) == (["row_key", "reason", "source_row"], None)
    assert [table.name for table in everything(catalog("a", "b"))] == ["a", "rejected_a", "b", "rejected_b"]


@pytest.mark.parametrize(
    ("names", "companions"),
    [
        (["a"], ["rejected_a"]),
        (["a", "Rejected_A"], ["rejected_a_", "rejected_Rejected_A"]),
        (["rejected_a", "a", "a_"], ["rejected_rejected_a", "rejected_a_", "rejected_a__"]),
    ],
)
def test_no_companion_has_another_tables_name(names: list[str], companions: list[str]) -> None:
    assert [table.companion for table in catalog(*names)] == companions


def test_what_a_companion_means_follows_its_table() -> None:
    other = catalog("sale", "rejected_sale").table("sale")

    assert other.schema_id != WHOLE.schema_id
    assert rejected_table(SALE).schema_id != rejected_table(WHOLE).schema_id
    (wider,) = parse_catalog({"schema": "s", "tables": {"sale": {"columns": COLUMNS | {"note": "text"}}}})
    assert rejected_table(wider).schema_id != rejected_table(WHOLE).schema_id


@pytest.mark.parametrize(
    ("declared", "bounded"),
    [
        *(
            (kind, True)
            for kind in ("bigint", "numeric(12,2)", "numeric", "uuid", "varchar(1000)", "char(3)", "timetz")
        ),
        *((kind, False) for kind in ("text", "varchar", "varchar(1001)", "bytea", "json", "jsonb", "int[]", "hstore")),
    ],
)
def test_the_size_of_what_may_be_long_is_looked_at(declared: str, bounded: bool) -> None:
    assert resolve_type(declared).is_bounded is bounded


# the plan


def test_a_companion_never_published_does_not_widen_the_window() -> None:
    known = ledger({Partition("sale", D - timedelta(days=1)): SOME}, SALE)

    assert [span.first for span in window(SALE, D, 7, known).spans] == [D - timedelta(days=7)]
    with_dayless = ledger({Partition("sale", D): SOME, rejected(NO_DAY): SOME}, SALE, rejected_table(SALE))
    assert [span.first for span in window(SALE, D, 7, with_dayless).spans] == [D - timedelta(days=7)]


def test_a_new_companion_is_compared_as_far_as_its_rows_were_published() -> None:
    later = D + timedelta(days=20)
    (changed,) = parse_catalog(
        {"schema": "s", "tables": {"sale": {"columns": COLUMNS | {"note": "text"}, "partition": "created_at"}}}
    )

    known = ledger({Partition("sale", D): SOME, rejected(later): SOME}, SALE, rejected_table(SALE))

    assert [(span.first, span.last) for span in window(changed, D, 7, known).spans] == [(None, later)]


@pytest.mark.parametrize(
    ("table", "source", "published", "expected"),
    [
        (SALE, {}, {}, {}),
        (SALE, {rejected(D): SOME}, {}, {rejected(D): SOME}),
        (SALE, {}, {rejected(D): SOME}, {rejected(D): EMPTY}),
        (SALE, {}, {rejected(NO_DAY): SOME}, {rejected(NO_DAY): EMPTY}),
        (SALE, {}, {rejected(D - timedelta(days=8)): SOME}, {}),
        (SALE, {}, {rejected(None): SOME}, {rejected(NO_DAY): EMPTY}),
        (WHOLE, {}, {}, {}),
        (WHOLE, {rejected(None): SOME}, {}, {rejected(None): SOME}),
        (WHOLE, {}, {rejected(None): SOME}, {rejected(None): EMPTY}),
        (WHOLE, {}, {rejected(D): SOME}, {rejected(None): EMPTY}),
    ],
)
def test_partitions_of_a_companion_are_those_that_hold_or_held_rows(
    table: Table,
    source: dict[Partition, Fingerprint],
    published: dict[Partition, Fingerprint],
    expected: dict[Partition, Fingerprint],
) -> None:
    companion = rejected_table(table)
    known = ledger(
        {Partition("sale", D - timedelta(days=1) if table.is_daily else None): SOME, **published}, table, companion
    )
    compared = window(table, D, 7, known)

    found = expected_partitions(companion, source, D, compared, known)

    assert found == expected
    assert {p.reason for p in plan_table(companion, found, ledger({}))} <= {"new"}


def test_a_whole_table_without_rows_is_published() -> None:
    compared = window(WHOLE, D, 7, Ledger())

    assert expected_partitions(WHOLE, {}, D, compared, Ledger()) == {Partition("sale"): EMPTY}
