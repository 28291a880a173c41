"""docs/types.md is what PostgreSQL prints, what the warehouses' tables are made of, and what GoogleSQL reads."""

import re
from collections.abc import Iterator

import psycopg
import pytest
from google_side import csv_rows
from google_sql import evaluated
from psycopg.sql import SQL

from pipeline.catalog import Table, parse_catalog
from pipeline.column_types import RULES, resolve_type
from pipeline.settings import ROOT
from pipeline.snapshot import connect
from pipeline.source_sql import canonical_row, copy_query, relation
from pipeline.warehouse import bigquery_sql, duckdb_sql

pytestmark = pytest.mark.slow  # Google's evaluator takes long to start

ROW = re.compile(r"^\| `(.+?)` \| `(.+?)` \| `(.+?)` \| `(.+?)` \| `(.+?)` \| `([A-Z0-9]+)` \|$", re.MULTILINE)
PAGE = (ROOT / "docs" / "types.md").read_text("utf-8")
EXAMPLES = ROW.findall(PAGE)


@pytest.fixture(scope="module")
def source(postgres_url: str) -> Iterator[psycopg.Connection]:
    with connect(postgres_url) as connection:
        connection.prepare_threshold = None  # one table after another has the same name
        connection.execute("create schema document")
        yield connection
        connection.execute("drop schema document cascade")


def table(declared: str) -> Table:
    (found,) = parse_catalog({"schema": "document", "tables": {"t": {"columns": {"a": declared}}}})
    return found


def test_every_row_of_the_table_is_an_example() -> None:
    types, _, _ = PAGE.partition("## What is rejected")
    assert len(EXAMPLES) == len(re.findall(r"^\| `.*` \|$", types, re.MULTILINE))


def test_every_type_with_a_rule_has_an_example() -> None:
    assert {resolve_type(declared).name for declared, *_ in EXAMPLES} >= RULES.keys() - {"bpchar"}


@pytest.mark.parametrize(("declared", "value", "line", "canonical", "duckdb_type", "bigquery_type"), EXAMPLES)
def test_an_example_is_true(
    source: psycopg.Connection,
    declared: str,
    value: str,
    line: str,
    canonical: str,
    duckdb_type: str,
    bigquery_type: str,
) -> None:
    documented = table(declared)
    source.execute(SQL("drop table if exists {}").format(relation(documented)))
    source.execute(SQL("create table {} (a {})").format(relation(documented), SQL(declared)))  # type: ignore[arg-type]
    source.execute(SQL("insert into {} values ({})").format(relation(documented), psycopg.sql.Literal(value)))

    with source.cursor().copy(copy_query(documented, [])) as copy:
        copied = b"".join(map(bytes, copy)).decode()
    row = source.execute(SQL("select {} from {}").format(canonical_row(documented), relation(documented))).fetchone()

    assert (copied, row) == (f"{line}\n", (canonical,))
    (column,) = documented.columns
    assert duckdb_sql.column_type(column) == duckdb_type
    assert bigquery_sql.column_type(column) == bigquery_type
    query = f"select {bigquery_sql.canonical_row(documented)} from loaded as t"
    assert evaluated(query, {"a": bigquery_type}, list(csv_rows(f"{line}\n".encode()))) == [(canonical,)]
