"""A later day's cost follows the change: of what grows, core's models and tests read the changed days, but for some.

DuckDB says in its plan which conditions reach the scan of a table, through views, joins and common table expressions.
The SQL is BigQuery's but for a few macros; that BigQuery's own planner skips the other partitions is not proven here.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from staged_shop import StagedShop

from pipeline.catalog import load_catalog

pytestmark = pytest.mark.slow

GROWING_MODELS = {"dim_session", "fact_review", "fact_transaction"}

# What must look at every day, and so reads a column or two of all of it. docs/models.md says why.
EVERY_DAY = {
    "core_equality": GROWING_MODELS | {"transaction"},
    "days_to_build_again": {"fact_review", "fact_transaction", "session", "transaction"},
    "facts_hold_every_published_row": GROWING_MODELS,
    "relationships_fact_transaction_26654e209ca8dc466b96bb745729fd24": {"dim_session"},  # the visit of an order
    "holds_nothing_days_to_build_again_": {"fact_review", "fact_transaction", "session", "transaction"},
    "published_partition": {"review", "session", "transaction", "transaction_item"},
    "quarantine_review": {"transaction"},  # the order of a review
    "quarantine_transaction": {"session"},  # the visit of an order
    "unique_dim_session_session_id": {"dim_session"},
    "unique_fact_review_review_id": {"fact_review"},
    "unique_fact_transaction_transaction_item_id": {"fact_transaction"},
}


def scans(plan: dict[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    """The tables that a plan reads, each with the conditions on it."""
    said = plan.get("extra_info", {})
    conditions = " ".join(str(said.get(key, "")) for key in ("Expression", "Filters"))
    if "Table" in said:
        yield said["Table"].rpartition(".")[2].strip('"'), f"{above} {conditions}"
    for child in plan["children"]:
        yield from scans(child, conditions if plan["name"].strip() == "FILTER" else "")


def unbounded(shop: StagedShop, query: str, growing: dict[str, str]) -> set[str]:
    """Tables of which a query reads every day: no condition compares their partition column with a literal."""
    # by its statistics DuckDB would leave out whole scans, of rows that are in no file yet
    (_, answer), *_ = shop.query(f"set disabled_optimizers = 'statistics_propagation'; explain (format json) {query}")
    return {
        table
        for plan in json.loads(answer)
        for table, conditions in scans(plan)
        if table in growing and not re.search(rf"\b{growing[table]}\b[^']*'\d\d\d\d-\d\d-\d\d", conditions)
    }


@pytest.fixture
def growing(built_shop: StagedShop) -> dict[str, str]:
    """The tables that grow by the day, and the column that says which: staging's and core's."""
    catalog = load_catalog(built_shop.settings.catalog_path)
    daily = {table.name: table.partition_column.name for table in catalog if table.is_daily}
    return daily | dict.fromkeys(GROWING_MODELS, "day")


def test_a_later_day_reads_changed_days(built_shop: StagedShop, growing: dict[str, str]) -> None:
    built_shop.publish("update staging.transaction set status = 'refunded' where transaction_id = 300")
    assert len(built_shop.core().days) == 1

    compiled = built_shop.folder / "run" / "dbt" / "core" / "compiled" / "tillroll"
    files = [file for file in compiled.rglob("*.sql") if not is_read_by_others(file)]
    read = {file.stem: unbounded(built_shop, file.read_text(), growing) for file in files}

    assert len(read) == len(files) > 60
    assert {name: tables for name, tables in read.items() if tables} == EVERY_DAY


def is_read_by_others(file: Path) -> bool:
    """A view, or a part of other queries: it is they who say which days."""
    return file.parent.name in {"staging", "base"} and file.name.startswith(("stg_", "base_"))


def test_a_scan_of_every_day_would_be_found(built_shop: StagedShop, growing: dict[str, str]) -> None:
    bounded = "select * from staging.stg_review where day = date '2025-01-03'"

    assert unbounded(built_shop, bounded, growing) == set()
    for query in (
        "select * from staging.stg_review",
        "select * from staging.stg_review where cast(updated_at as date) = date '2025-01-03'",
        "select * from staging.stg_review where day <> reviewed_at",
        f"{bounded} union all select * from staging.stg_review",
    ):
        assert unbounded(built_shop, query, growing) == {"review"}, query
