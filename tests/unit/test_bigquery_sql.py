"""GoogleSQL as Tillroll writes it. Whether it means what PostgreSQL means is for tests/warehouse/test_bigquery_*.py."""

import re
from datetime import date, timedelta

import pytest

from pipeline.catalog import Column, Table, parse_catalog
from pipeline.column_types import resolve_type
from pipeline.errors import ConfigurationError
from pipeline.fingerprint import EMPTY, Fingerprint
from pipeline.warehouse.bigquery_names import check_names, label
from pipeline.warehouse.bigquery_publish_sql import (
    LedgerStamp,
    Replacement,
    fence,
    publish_script,
    replace_statements,
)
from pipeline.warehouse.bigquery_sql import (
    MAX_PARTITIONS_PER_JOB,
    clustering_columns,
    column_type,
    day_chunks,
    fingerprint_query,
    in_days,
    quote,
    text,
)

DAY = date(2025, 1, 1)
TARGET, AUDIT, LEDGER, ENTRIES = "p.staging.t", "p.staging_audit.t_1", "p.staging._ledger", "p.staging_audit.entries"


def table(columns: dict[str, str], **more: object) -> Table:
    (found,) = parse_catalog({"schema": "s", "tables": {"t": {"columns": columns, **more}}})
    return found


def daily(declared: str = "timestamptz") -> Table:
    return table({"id": "int not null", "at": f"{declared} not null"}, key=["id"], partition="at")


@pytest.mark.parametrize(
    ("name", "quoted"), [("a", "`a`"), ("p.d.t", "`p.d.t`"), ("a`b", r"`a\`b`"), ("a\\b", r"`a\\b`")]
)
def test_a_name_is_quoted(name: str, quoted: str) -> None:
    assert quote(name) == quoted


@pytest.mark.parametrize(("value", "quoted"), [("it's", r"'it\'s'"), ("\\N", r"'\\N'"), ("a\nb\r", r"'a\nb\r'")])
def test_a_text_is_quoted(value: str, quoted: str) -> None:
    assert text(value) == quoted


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ("numeric(38,9)", "NUMERIC"),
        ("numeric(29)", "NUMERIC"),
        ("numeric(30)", "BIGNUMERIC"),
        ("numeric(12,10)", "BIGNUMERIC"),
        ("numeric(2,2)", "NUMERIC"),
        ("numeric(38,38)", "STRING"),
        ("numeric(37,37)", "BIGNUMERIC"),
    ],
)
def test_a_decimal_is_as_wide_as_its_digits_need(declared: str, expected: str) -> None:
    assert column_type(Column("a", resolve_type(declared), nullable=True)) == expected


def test_a_table_is_clustered_by_what_bigquery_can_sort() -> None:
    columns = {"f": "float8", "b": "bytea", "t": "time", "a": "int", "c": "text", "d": "date", "e": "uuid", "g": "bool"}
    assert clustering_columns(table(columns, key=list(columns))) == ("a", "c", "d", "e")


@pytest.mark.parametrize(
    ("declared", "first", "end"),
    [
        ("date", "date '2025-01-01'", "date '2025-01-03'"),
        ("timestamp", "datetime '2025-01-01 00:00:00'", "datetime '2025-01-03 00:00:00'"),
        ("timestamptz", "timestamp '2025-01-01 00:00:00+00'", "timestamp '2025-01-03 00:00:00+00'"),
    ],
)
def test_days_are_literals_of_the_columns_own_type(declared: str, first: str, end: str) -> None:
    days = [DAY, DAY + timedelta(days=1)]
    assert in_days(daily(declared), days) == f"(t.`at` >= {first} and t.`at` < {end})"


def test_days_apart_are_bounded_together() -> None:
    first, second = "(t.`at` >= date '2025-01-01' and t.`at` < date '2025-01-02')", "(t.`at` >= date '2025-01-04' and"
    condition = in_days(daily("date"), [DAY, DAY + timedelta(days=3)])
    bounds = "(t.`at` >= date '2025-01-01' and t.`at` < date '2025-01-05')"
    assert condition == f"{bounds} and ({first} or {second} t.`at` < date '2025-01-05'))"


def test_the_calendars_last_day_has_no_day_after() -> None:
    assert in_days(daily("date"), [date.max]) == "(t.`at` >= date '9999-12-31')"
    assert in_days(daily("date"), [DAY, date.max]).startswith("(t.`at` >= date '2025-01-01') and (")


def test_no_days_are_no_rows() -> None:
    assert in_days(daily(), []) == "false"


def test_days_of_a_zone_are_utcs_whatever_a_project_takes_for_its_own() -> None:
    assert "date(t.`at`, 'UTC')" in fingerprint_query(daily(), TARGET)
    assert "date(t.`at`)" in fingerprint_query(daily("timestamp"), TARGET)


def test_a_day_is_in_one_chunk() -> None:
    days = [DAY + timedelta(days=i) for i in range(2 * MAX_PARTITIONS_PER_JOB + 1)]
    chunks = list(day_chunks([*reversed(days), DAY]))
    assert [len(chunk) for chunk in chunks] == [MAX_PARTITIONS_PER_JOB, MAX_PARTITIONS_PER_JOB, 1]
    assert [day for chunk in chunks for day in chunk] == days


def test_one_statement_changes_no_more_partitions_than_bigquery_lets_it() -> None:
    days = tuple(DAY + timedelta(days=2 * i) for i in range(MAX_PARTITIONS_PER_JOB + 1))
    statements = list(replace_statements(Replacement(daily(), TARGET, AUDIT, EMPTY, days)))
    *changing, proof = statements
    assert [statement.split(" ", 1)[0] for statement in changing] == ["delete", "insert", "delete", "insert"]
    assert [statement.count(">=") for statement in changing] == [MAX_PARTITIONS_PER_JOB + 1] * 2 + [1, 1]
    assert proof.startswith("select if(count(*) = 0 and ")


def test_the_script_is_one_transaction_and_the_ledgers_fence_comes_first() -> None:
    audited = Fingerprint(2, 99)
    replacements = [
        Replacement(daily(), TARGET, AUDIT, audited, (DAY,)),
        Replacement(table({"a": "int"}), "p.staging.w", AUDIT, audited),
    ]
    script = publish_script(replacements, LEDGER, ENTRIES, LedgerStamp(3, 12), forgotten=["old"])
    lines = [line.split(" from ")[0].split(" (")[0] for line in script.splitlines()]
    assert lines == [
        "begin transaction;",
        lines[1],
        "delete",
        f"insert into `{TARGET}`",
        lines[4],
        "delete",
        "insert into `p.staging.w`",
        lines[7],
        "delete",
        "delete",
        f"insert into `{LEDGER}`",
        "commit transaction;",
    ]
    assert "count(*) = 3 and coalesce(sum(cast(sequence as numeric)), 0) = numeric '12'" in script.splitlines()[1]
    assert all(lines[at].startswith("select if(count") for at in (4, 7))
    assert "= numeric '99', true, error('t: rows in place are not those that were audited'))" in script.splitlines()[4]


def test_a_ledger_of_many_years_is_fenced_too() -> None:
    stamp = LedgerStamp(50_000, 50_000 * 1_795_000_000_000_000)
    bare = re.findall(r"(?<![\w'])\d+(?![\w'])", fence(LEDGER, stamp))
    assert stamp.sequences > 2**63
    assert [number for number in map(int, bare) if number >= 2**63] == []  # "Invalid integer literal", says GoogleSQL


@pytest.mark.parametrize("name", ["x", "Ünï_1", "1", "on", "with space", "a: b #c", "it's", "-", "a" * 300, "part_1"])
def test_a_column_may_be_named(name: str) -> None:
    check_names(parse_catalog({"schema": "s", "tables": {"t": {"columns": {name: "int"}}}}))


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ('quote"d', "hold no '\"'"),
        ("comma,ed", "hold no ','"),
        ("[x]", "hold no '['"),
        ("{c} %s", "hold no '{'"),
        ("a.b", "hold no '.'"),
        ("😀", "hold no '😀'"),
        ("_Partitiontime", "'_partition' are its own"),
        ("_FILE_NAME", "'_file_' are its own"),
        ("a" * 301, "longer than 300 characters"),
    ],
)
def test_a_column_that_bigquery_cannot_name_is_refused(name: str, why: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        check_names(parse_catalog({"schema": "s", "tables": {"t": {"columns": {name: "int"}}}}))
    assert why in refused.value.message
    assert name in refused.value.message


@pytest.mark.parametrize("name", ["t", "Order", "ग्राहक", "table 01", "étudiant-01"])
def test_a_table_may_be_named(name: str) -> None:
    check_names(parse_catalog({"schema": "s", "tables": {name: {"columns": {"a": "int"}}}}))


@pytest.mark.parametrize(("name", "why"), [("a/b.c", "hold no '/'"), ("x$1", "hold no '$'"), ("é" * 513, "1024 bytes")])
def test_a_table_that_bigquery_cannot_name_is_refused(name: str, why: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        check_names(parse_catalog({"schema": "s", "tables": {name: {"columns": {"a": "int"}}}}))
    assert why in refused.value.message


@pytest.mark.parametrize(
    ("name", "expected"),
    [("transaction_item", "transaction_item"), ("Every Type/é", "every_type_é"), ("x" * 99, "x" * 63)],
)
def test_a_label_holds_what_bigquery_lets_it(name: str, expected: str) -> None:
    assert label(name) == expected
