"""Rows that break a rule of business wait in quarantine with a reason, and leave it once they are repaired."""

import re
from collections.abc import Iterable
from datetime import timedelta

import pytest
from broken_rows import GONE, ORPHANS, PARENTS, RULES, Broken, Kept
from staged_shop import FIRST, LAST, StagedShop

from pipeline.catalog import load_catalog
from pipeline.settings import ROOT

pytestmark = pytest.mark.slow

KEEPING = ("product", "session", "transaction", "transaction_item", "review")
BROKEN_DAYS = tuple(FIRST + timedelta(days=n) for n in range(3))
# What keeps its row in its dimension, without the values that cannot be.
IN_A_DIMENSION = {"product", "session"}


def quarantined(shop: StagedShop) -> set[Kept]:
    """Everything in quarantine."""
    return {
        (table, *row)
        for table in KEEPING
        for row in shop.query(f"select {table}_id, quarantine_reason from staging.quarantine_{table}")
    }


def expected(broken: Iterable[Broken]) -> set[Kept]:
    return {kept for one in broken for kept in one.kept}


def accounted_for(shop: StagedShop) -> dict[str, int]:
    """Rows in the source less those in stg and in quarantine, where that is not 0."""
    missing = {}
    for table in (table.name for table in load_catalog(shop.settings.catalog_path)):
        kept = f"(select count(*) from staging.quarantine_{table})" if table in KEEPING else "0"
        ((rows,),) = shop.query(
            f"select (select count(*) from staging.{table}) - (select count(*) from staging.stg_{table}) - {kept}"
        )
        missing[table] = rows
    return {table: rows for table, rows in missing.items() if rows}


def in_facts(shop: StagedShop, kept: Iterable[Kept]) -> list[Kept]:
    """Those rows that a fact holds all the same, or a dimension that has no place for them."""
    places = {"transaction": "fact_transaction", "transaction_item": "fact_transaction", "review": "fact_review"}
    found = []
    for table, key, reason in kept:
        place = places.get(table, f"dim_{table}")
        if table in IN_A_DIMENSION and "does not exist" not in reason:
            continue
        if shop.query(f"select 1 from core.{place} where {table}_id = {key}"):
            found.append((table, key, reason))
    return found


def test_every_rule_sets_its_row_aside_and_a_repaired_row_comes_back(
    built_shop: StagedShop, first_build: StagedShop
) -> None:
    built_shop.execute("create schema source;" + copies("source", "staging"))
    built_shop.publish("".join(broken.plant for broken in (*RULES, *ORPHANS)))

    report = built_shop.core()
    built_shop.datamart()

    assert (report.days, report.everything) == (BROKEN_DAYS, False)
    assert quarantined(built_shop) == expected((*RULES, *ORPHANS))
    assert accounted_for(built_shop) == {}
    assert in_facts(built_shop, expected((*RULES, *ORPHANS))) == []
    gross = "select sum(gross_amount) from {}"
    assert built_shop.query(gross.format("datamart.marts_daily_sales")) == built_shop.query(
        "select sum(total_amount) from staging.stg_transaction"
    )
    assert all(equality.holds for equality in built_shop.warehouse.equalities())

    built_shop.publish(copies("staging", "source", "or replace"))
    report = built_shop.core()

    assert (report.quarantined, report.days) == ({}, BROKEN_DAYS)
    assert built_shop.rows("core") | built_shop.rows("staging") == first_build.rows("core") | first_build.rows(
        "staging"
    )


def copies(to: str, of: str, how: str = "") -> str:
    tables = ("product", "session", "transaction", "transaction_item", "review")
    return "".join(f'create {how} table {to}."{table}" as from {of}."{table}";' for table in tables)


def test_a_parent_that_comes_or_goes_on_another_day_brings_its_orphans_with_it(built_shop: StagedShop) -> None:
    built_shop.publish("".join(broken.plant for broken in ORPHANS))
    built_shop.core()
    assert quarantined(built_shop) == expected(ORPHANS)

    built_shop.publish(PARENTS)
    report = built_shop.core()

    # the first day changed, on the second and third only what was said of their rows
    assert (report.days, report.everything, report.quarantined) == (BROKEN_DAYS, False, {})
    assert accounted_for(built_shop) == {}
    assert len(in_facts(built_shop, expected(ORPHANS))) == len(expected(ORPHANS))

    built_shop.publish(GONE)
    report = built_shop.core()

    assert (report.days, report.everything) == (BROKEN_DAYS, False)
    assert quarantined(built_shop) == expected(ORPHANS)
    assert accounted_for(built_shop) == {}
    assert in_facts(built_shop, expected(ORPHANS)) == []
    assert built_shop.query("select count(*) from core.fact_transaction where day = ?".replace("?", f"date '{LAST}'"))


def test_every_reason_is_tested_and_documented() -> None:
    models = (ROOT / "dbt" / "models" / "staging").rglob("*.sql")
    sources = [*models, ROOT / "dbt" / "macros" / "business_rules.sql"]
    text = "\n".join(file.read_text() for file in sources)
    # the second of a pair of condition and reason, or what a `case` says
    reasons = set(re.findall(r", '([a-z][\w ,]+ [\w ,]+)'\)", text)) | set(re.findall(r"then '([a-z][\w ,]+)'", text))

    page = (ROOT / "docs" / "reliability.md").read_text("utf-8")
    assert {reason for reason in reasons if f"| {reason} |" not in page} == set()
    assert reasons - {reason for _, _, reason in expected((*RULES, *ORPHANS))} == {
        "no lines in the same instant",
        "no order in the same instant",
        "lines do not add up to the items amount",
    }  # test_dbt_gates.py
