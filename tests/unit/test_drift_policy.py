"""Drift, by itself: each change is named once, with its policy and what a run does about it."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from pipeline.catalog import Catalog, parse_catalog
from pipeline.drift import Fitted, find_drifts, with_evolved
from pipeline.errors import ConfigurationError
from pipeline.fingerprint import EMPTY, Partition
from pipeline.ledger import Ledger, LedgerEntry
from pipeline.manifest import Evolved, Run
from pipeline.source_schema import SourceColumn, SourceTable

COLUMNS = {"id": "bigint not null", "note": "text", "amount": "numeric(12,2)", "created_at": "timestamptz not null"}


def catalog(policy: str, columns: dict[str, str] = COLUMNS) -> Catalog:
    """One daily table, `sale`, with this policy."""
    entry = {"key": ["id"], "partition": "created_at", "columns": columns}
    return parse_catalog({"schema": "s", "drift": policy, "tables": {"sale": entry}}, Path("tables.yml"))


def source_table(columns: dict[str, str], name: str = "sale") -> SourceTable:
    """A table as PostgreSQL describes it."""
    described = {
        column: parse_catalog({"schema": "s", "tables": {"t": {"columns": {column: declared}}}}).table("t").columns[0]
        for column, declared in columns.items()
    }
    found = (SourceColumn(c.name, c.type.source, c.nullable, c.type.source, "") for c in described.values())
    return SourceTable(name, tuple(found), ("id",), "")


def drifts(policy: str, columns: dict[str, str], *others: SourceTable) -> list[str]:
    found = {"sale": source_table(columns)} if columns else {}
    return list(map(str, find_drifts(catalog(policy), found | {table.name: table for table in others})))


def without(*names: str) -> dict[str, str]:
    return {name: declared for name, declared in COLUMNS.items() if name not in names}


ANEW = "and sale is published anew with all its history"
STOPS = "the run stops"
MOMENT = "timestamp with time zone"
NO_DAY = f"it partitions the table by day: {STOPS}"

EVERY_CHANGE = [
    ("freeze", COLUMNS | {"more": "int[]"}, "column sale.more (integer[]) is not in the catalog", "it is not moved"),
    (
        "evolve",
        COLUMNS | {"more": "int[]"},
        "column sale.more (integer[]) is not in the catalog",
        f"it arrives, {ANEW}",
    ),
    ("freeze", without("note"), "column sale.note (text) is not there", STOPS),
    ("evolve", without("note"), "column sale.note (text) is not there", f"it goes from the warehouse too, {ANEW}"),
    (
        "freeze",
        without("note") | {"remark": "text"},
        "column sale.note (text) is not there, and sale.remark is new: perhaps renamed",
        STOPS,
    ),
    (
        "evolve",
        without("note") | {"remark": "text"},
        "column sale.note (text) is not there, and sale.remark is new: perhaps renamed",
        f"the one goes, the other arrives, {ANEW}",
    ),
    (
        "freeze",
        COLUMNS | {"amount": "numeric(14,4)"},
        "column sale.amount is numeric(14,4), not numeric(12,2)",
        STOPS,
    ),
    (
        "evolve",
        COLUMNS | {"amount": "numeric(14,4)"},
        "column sale.amount is numeric(14,4), not numeric(12,2)",
        f"it takes the new type, {ANEW}",
    ),
    (
        "evolve",
        without("id") | {"nr": "bigint not null"},
        "column sale.id (bigint) is not there, and sale.nr is new: perhaps renamed",
        f"it is part of the key: {STOPS}",
    ),
    ("evolve", without("created_at"), f"column sale.created_at ({MOMENT}) is not there", NO_DAY),
    (
        "evolve",
        COLUMNS | {"created_at": "text not null"},
        f"column sale.created_at is text, not {MOMENT}",
        NO_DAY,
    ),
    (
        "evolve",
        COLUMNS | {"created_at": "date not null"},
        f"column sale.created_at is date, not {MOMENT}",
        f"it takes the new type, {ANEW}",
    ),
    ("freeze", {}, "table s.sale is not there (or may not be seen)", f"its rows are not taken for deleted: {STOPS}"),
    ("evolve", {}, "table s.sale is not there (or may not be seen)", f"its rows are not taken for deleted: {STOPS}"),
    *(
        (
            policy,
            COLUMNS | {"id": "bigint"},
            "column sale.id may be null, and the catalog says not null",
            "nulls arrive",
        )
        for policy in ("freeze", "evolve")
    ),
    *(
        (
            policy,
            COLUMNS | {"note": "text not null"},
            "column sale.note is not null, and the catalog says that it may be",
            "nothing changes",
        )
        for policy in ("freeze", "evolve")
    ),
    *(
        (
            policy,
            COLUMNS | {"created_at": "timestamptz"},
            "column sale.created_at may be null, and the catalog says not null",
            "rows without a day go to rejected_sale",
        )
        for policy in ("freeze", "evolve")
    ),
]


@pytest.mark.parametrize(("policy", "columns", "change", "consequence"), EVERY_CHANGE)
def test_a_change_is_named_with_what_a_run_does(
    policy: str, columns: dict[str, str], change: str, consequence: str
) -> None:
    assert drifts(policy, columns) == [f"{change} (drift: {policy}): {consequence}"]


@pytest.mark.parametrize("policy", ["freeze", "evolve"])
def test_a_source_that_fits_has_not_drifted(policy: str) -> None:
    assert drifts(policy, COLUMNS) == []
    assert drifts(policy, dict(reversed(COLUMNS.items()))) == []


def test_columns_are_taken_for_renamed_only_where_there_is_one_choice() -> None:
    lines = drifts("freeze", without("note") | {"a": "text", "b": "text"})

    assert [line.split(" (")[0] for line in lines] == ["column sale.note", "column sale.a", "column sale.b"]


def test_tables_that_the_catalog_does_not_have_are_one_line() -> None:
    others = [source_table({"id": "int"}, f"more_{n:02}") for n in range(13)]

    assert drifts("evolve", COLUMNS, others[0]) == ["not in the catalog: table more_00 of schema s: not moved"]
    (line,) = drifts("freeze", COLUMNS, *others)
    assert line.startswith("not in the catalog: tables more_00, more_01, ")
    assert line.endswith(", more_09 and 3 more of schema s: not moved")


def test_a_table_that_may_have_been_renamed_is_named() -> None:
    same, another = source_table(COLUMNS, "sales"), source_table(without("note"), "sold")

    (line, _) = drifts("evolve", {}, another, same)
    assert line.startswith("table s.sale is not there (or may not be seen); s.sales has its columns: perhaps renamed")


def fitted(policy: str, columns: dict[str, str]) -> Fitted:
    known = catalog(policy)
    found = source_table(columns)
    evolved = {
        "sale": Evolved(of=known.table("sale").schema_id, columns={c.name: c.declaration for c in found.columns})
    }
    return Fitted(with_evolved(known, evolved), find_drifts(known, {"sale": found}), evolved)


def published(*catalogs: Catalog) -> Ledger:
    partition, now = Partition("sale", date(2025, 1, 10)), datetime(2025, 1, 11, tzinfo=UTC)
    return Ledger(
        LedgerEntry(partition, EMPTY, table.schema_id, 5, date(2025, 1, 10), now) for c in catalogs for table in c
    )


def test_what_is_followed_is_told_until_it_is_published_and_what_is_left_out_always() -> None:
    wider = COLUMNS | {"more": "text"}
    followed, left_out = fitted("evolve", wider), fitted("freeze", wider)

    assert len(followed.warnings(Ledger())) == 1
    assert len(followed.warnings(published(catalog("evolve")))) == 1
    assert followed.warnings(published(followed.catalog)) == ()
    assert len(left_out.warnings(published(left_out.catalog))) == 1
    assert fitted("freeze", COLUMNS | {"note": "text not null"}).warnings(Ledger()) == ()


def test_a_manifest_changes_only_the_table_it_was_written_for() -> None:
    columns = COLUMNS | {"more": "text"}
    (sale,) = catalog("evolve")
    evolved = {"sale": Evolved(of=sale.schema_id, columns=columns)}

    (wider,) = with_evolved(catalog("evolve"), evolved)
    assert [column.name for column in wider.columns] == [*COLUMNS, "more"]
    assert (wider.key, wider.partition, wider.drift) == (sale.key, sale.partition, "evolve")
    (frozen,) = with_evolved(catalog("freeze"), evolved)
    assert [column.name for column in frozen.columns] == [*COLUMNS]
    (edited,) = with_evolved(catalog("evolve", COLUMNS | {"other": "text"}), evolved)
    assert [column.name for column in edited.columns] == [*COLUMNS, "other"]


def test_a_new_column_that_no_warehouse_keeps_apart_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"tables\.yml: columns of sale: 'note' and 'Note' have one name"):
        fitted("evolve", COLUMNS | {"Note": "text"})


def test_a_manifest_of_before_there_were_policies_is_read() -> None:
    assert Run.model_validate_json('{"sequence": 1, "found": [], "histories": []}').evolved == {}


def test_a_policy_of_the_file_holds_where_a_table_has_none() -> None:
    entry = {"columns": {"id": "int"}}
    tables = {"a": entry, "b": {**entry, "drift": "freeze"}}
    content = {"schema": "s", "tables": tables}

    assert [table.drift for table in parse_catalog(content)] == ["freeze", "freeze"]
    assert [table.drift for table in parse_catalog(content | {"drift": "evolve"})] == ["evolve", "freeze"]
    with pytest.raises(ConfigurationError, match=r"tables\.a\.drift: Input should be 'freeze' or 'evolve'"):
        parse_catalog({"schema": "s", "tables": {"a": {**entry, "drift": "thaw"}}})
