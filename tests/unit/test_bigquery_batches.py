"""How tables are shared out among transactions, each of which BigQuery lets change so many tables and partitions."""

from datetime import date, timedelta

from pipeline.catalog import Table, parse_catalog
from pipeline.fingerprint import EMPTY
from pipeline.warehouse.bigquery_publication import MAX_PARTITIONS, MAX_TABLES, _batches
from pipeline.warehouse.bigquery_publish_sql import LedgerStamp, Replacement, publish_script


def table(name: str) -> Table:
    (found,) = parse_catalog({"schema": "s", "tables": {name: {"columns": {"id": "int"}}}})
    return found


def replacement(number: int, days: int = 0) -> Replacement:
    first = date(1950, 1, 1)
    return Replacement(table(f"t{number}"), "t", "s", EMPTY, tuple(first + timedelta(days=i) for i in range(days)))


def test_without_tables_there_is_one_transaction_for_the_ledger() -> None:
    assert list(_batches([])) == [[]]


def test_no_transaction_changes_too_many_tables() -> None:
    replacements = [replacement(i) for i in range(2 * MAX_TABLES + 1)]
    batches = list(_batches(replacements))

    assert [len(batch) for batch in batches] == [MAX_TABLES, MAX_TABLES, 1]
    assert [r for batch in batches for r in batch] == replacements


def test_no_transaction_changes_too_many_partitions() -> None:
    batches = list(_batches([replacement(i, MAX_PARTITIONS // 2) for i in range(5)]))

    assert [len(batch) for batch in batches] == [2, 2, 1]


def test_a_table_with_more_partitions_than_that_is_tried_by_itself() -> None:
    assert [len(batch) for batch in _batches([replacement(1, MAX_PARTITIONS + 1), replacement(2)])] == [1, 1]


def test_no_script_is_longer_than_bigquery_takes_them() -> None:
    columns = {f"column_{number}": "text" for number in range(99)} | {"made_at": "timestamptz not null"}
    tables = {f"table_{number}": {"columns": columns, "partition": "made_at"} for number in range(40)}
    every_second_day = tuple(date(2023, 1, 1) + timedelta(days=2 * i) for i in range(3 * 365 // 2))
    replacements = [
        Replacement(
            table, f"project.staging.{table.name}", f"project.staging_audit.{table.name}", EMPTY, every_second_day
        )
        for table in parse_catalog({"schema": "s", "tables": tables})
    ]
    batches = list(_batches(replacements))
    scripts = [publish_script(batch, "ledger", "entries", LedgerStamp(0, 0)) for batch in batches]

    assert [r for batch in batches for r in batch] == replacements
    assert len(publish_script(replacements, "ledger", "entries", LedgerStamp(0, 0))) > 1024 * 1024
    assert max(map(len, scripts)) < 1024 * 1024
