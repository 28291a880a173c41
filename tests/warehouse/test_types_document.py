"""docs/types.md is what PostgreSQL prints and what the warehouse's tables are made of."""

import re
from collections.abc import Iterator

import psycopg
import pytest
from psycopg.sql import SQL

from pipeline.catalog import Table, parse_catalog
from pipeline.column_types import RULES, resolve_type
from pipeline.settings import ROOT
from pipeline.snapshot import connect
from pipeline.source_sql import canonical_row, copy_query, relation
from pipeline.warehouse.duckdb_sql import column_type

ROW = re.compile(r"^\| `(.+?)` \| `(.+?)` \| `(.+?)` \| `(.+?)` \| `(.+?)` \| `[A-Z0-9]+` \|$", re.MULTILINE)
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
    assert len(EXAMPLES) == len(re.findall(r"^\| `.*` \|$", PAGE, re.MULTILINE))


def test_every_type_with_a_rule_has_an_example() -> None:
    assert {resolve_type(declared).name for declared, *_ in EXAMPLES} >= RULES.keys() - {"bpchar"}


@pytest.mark.parametrize(("declared", "value", "line", "canonical", "warehouse"), EXAMPLES)
def test_an_example_is_true(
    source: psycopg.Connection, declared: str, value: str, line: str, canonical: str, warehouse: str
) -> None:
    documented = table(declared)
    source.execute(SQL("drop table if exists {}").format(relation(documented)))
    source.execute(SQL("create table {} (a {})").format(relation(documented), SQL(declared)))  # type: ignore[arg-type]
    source.execute(SQL("insert into {} values ({})").format(relation(documented), psycopg.sql.Literal(value)))

    with source.cursor().copy(copy_query(documented, [])) as copy:
        copied = b"".join(map(bytes, copy)).decode()
    row = source.execute(SQL("select {} from {}").format(canonical_row(documented), relation(documented))).fetchone()

    assert (copied, row) == (f"{line}\n", (canonical,))
    assert column_type(documented.columns[0]) == warehouse
