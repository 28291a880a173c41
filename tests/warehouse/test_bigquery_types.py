"""Every type's values on their way to BigQuery: GoogleSQL finds in the CSV the fingerprints that PostgreSQL has.

Google's own evaluator says so of all; the emulator of the load job and its table. What the emulator lacks: DuckDB's
decimals have 38 digits, so its BIGNUMERIC has 18 decimals, and one with more is held to the evaluator alone.
"""

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

import psycopg
import pytest
import yaml
from emulated_cloud import EmulatedCloud
from every_type import DAY, KINDS, ddl, fill
from google_side import Fingerprints, of_google, of_postgres
from google_sql import SqlError, evaluated
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.sql import SQL, Identifier
from random_values import VALUES
from type_matrix import CASES, TypeMatrix, wrong

from pipeline import steps
from pipeline.catalog import Catalog, Table, parse_catalog
from pipeline.discover import discover
from pipeline.rejected import rejected_table
from pipeline.snapshot import connect
from pipeline.source_sql import relation
from pipeline.warehouse import open_warehouse
from pipeline.warehouse.bigquery_sql import column_type

pytestmark = pytest.mark.slow  # Google's evaluator takes long to start

Row = Sequence[str | None]

# What PostgreSQL holds and no BigQuery type does: an error there, never another value (docs/types.md).
BEYOND = {
    "date": ["infinity", "-infinity", "10000-01-01", "0001-12-31 BC"],
    "timestamp": ["infinity", "-infinity", "10000-01-01", "0001-12-31 BC"],
    "timestamptz": ["infinity", "-infinity", "10000-01-01Z", "0001-12-31Z BC"],
    "time": ["24:00:00"],
    "numeric(9,2)": ["NaN"],
}

few = settings(
    max_examples=4,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)


@pytest.fixture(scope="module")
def source(postgres_url: str) -> Iterator[psycopg.Connection]:
    with connect(postgres_url) as connection:
        connection.prepare_threshold = None  # one table after another has the same name
        connection.execute("create schema google")
        yield connection
        connection.execute("drop schema google cascade")


def filled(source: psycopg.Connection, columns: dict[str, str], rows: Sequence[Row], **more: object) -> Table:
    """The table `t` with these rows, in PostgreSQL's text format."""
    (table,) = parse_catalog({"schema": "google", "tables": {"t": {"columns": columns, **more}}})
    definitions = SQL(", ").join(SQL("{} {}").format(Identifier(c.name), SQL(c.type.source)) for c in table.columns)  # type: ignore[arg-type]
    source.execute(SQL("drop table if exists {}").format(relation(table)))
    source.execute(SQL("create unlogged table {} ({})").format(relation(table), definitions))
    with source.cursor().copy(SQL("copy {} from stdin").format(relation(table))) as copy:
        for row in rows:
            copy.write_row(row)
    return table


@pytest.mark.parametrize("declared", VALUES)
@few
@given(data=st.data())
def test_google_agrees_on_random_values(source: psycopg.Connection, declared: str, data: st.DataObject) -> None:
    values = data.draw(st.lists(st.none() | VALUES[declared], min_size=30, max_size=80))
    table = filled(source, {"a": declared}, [[value] for value in values])

    both = [of_postgres(source, each) for each in (table, rejected_table(table))]
    assert [of_google(source, each) for each in (table, rejected_table(table))] == both
    assert sum(found[None].rows for found in both) == len(values)


@pytest.mark.parametrize(("declared", "value"), [(name, value) for name, values in BEYOND.items() for value in values])
def test_what_google_cannot_hold_is_rejected_and_google_agrees(
    source: psycopg.Connection, declared: str, value: str
) -> None:
    table = filled(source, {"a": declared}, [[value], [None]])
    companion = rejected_table(table)

    with pytest.raises(SqlError, match="OUT_OF_RANGE"):
        evaluated("select cast(a as string) from loaded", {"a": column_type(table.column("a"))}, [[value]])
    assert of_google(source, table) == of_postgres(source, table)
    assert of_google(source, companion) == of_postgres(source, companion)
    assert [found[None].rows for found in (of_postgres(source, table), of_postgres(source, companion))] == [1, 1]


def test_google_agrees_on_texts_that_look_like_nothing(source: psycopg.Connection) -> None:
    texts = [
        None,
        "",
        r"\N",
        "~",
        "|",
        "NULL",
        "0:",
        "1:~",
        '"',
        '""',
        " ",
        "\n",
        "\r\n",
        ",",
        "é",
        "😀",
        "\x01",
        "\x7f",
    ]
    fingerprints: list[Fingerprints] = []
    for left, right in itertools.combinations(texts, 2):
        table = filled(source, {"a": "text", "b": "text"}, [[left, right]])
        assert of_google(source, table) == of_postgres(source, table)
        fingerprints.append(of_google(source, table))

    assert all(fingerprints.count(found) == 1 for found in fingerprints)


@pytest.mark.parametrize("declared", ["date", "timestamp", "timestamptz"])
def test_google_sees_the_days_that_postgres_sees(source: psycopg.Connection, declared: str) -> None:
    moments = ["0001-01-01", "1969-12-31 23:59:59.999999", "2025-01-01 00:00:00", "2025-01-01 23:59:59.9", "9999-12-30"]
    table = filled(source, {"at": f"{declared} not null"}, [[moment] for moment in moments], partition="at")

    found = of_google(source, table)

    assert found == of_postgres(source, table)
    assert list(found) == ["0001-01-01", "1969-12-31", "2025-01-01", "9999-12-30"]


def test_every_edge_of_every_type_in_googles_evaluator(shop_url: str, tmp_path: Path) -> None:
    outcomes = TypeMatrix(shop_url, tmp_path).by_google()

    assert wrong(outcomes) == []
    assert len(outcomes) == len(CASES)


# Names that PostgreSQL takes and BigQuery refuses (tests/unit/test_bigquery_sql.py).
REFUSED_TABLES = {"a/b.c"}
REFUSED_COLUMNS = {'quote"d', "comma,ed", "{c} %s", "[x]", "Ünï 😀"}


@pytest.fixture
def every_type(shop_url: str) -> Iterator[tuple[psycopg.Connection, Catalog, str]]:
    """A schema with a column of every type and a table of every shape; and its catalog, as far as BigQuery holds it."""
    with connect(shop_url) as connection:
        connection.execute(ddl())  # type: ignore[call-overload]
        connection.execute(fill())  # type: ignore[call-overload]
    with connect(shop_url) as connection:
        entries = yaml.safe_load(discover(connection).text)
        entries["tables"] = {name: table for name, table in entries["tables"].items() if name not in REFUSED_TABLES}
        for table in entries["tables"].values():
            table["columns"] = {n: kind for n, kind in table["columns"].items() if n not in REFUSED_COLUMNS}
        yield connection, parse_catalog(entries), yaml.safe_dump(entries, sort_keys=False)


def test_google_agrees_on_every_value_of_every_type(every_type: tuple[psycopg.Connection, Catalog, str]) -> None:
    connection, catalog, _ = every_type

    for table in catalog:
        assert of_google(connection, table) == of_postgres(connection, table), table.name
    assert len(of_google(connection, catalog.table("every_type"))) == len(KINDS) + 1


def test_every_value_of_every_type_arrives_in_bigquery(
    every_type: tuple[psycopg.Connection, Catalog, str], shop_url: str, cloud: EmulatedCloud, tmp_path: Path
) -> None:
    connection, catalog, written = every_type
    (tmp_path / "tables.yml").write_text(written, encoding="utf-8")
    chosen = {"source": "external", "source_url": shop_url, "catalog": tmp_path / "tables.yml"}
    settings = cloud.settings(tmp_path, lookback=len(KINDS) + 1, **chosen)

    steps.sync_day(settings, DAY)

    warehouse = open_warehouse(settings)
    for table in catalog:
        found = {str(day) if day else None: rows for (_, day), rows in warehouse.fingerprints(table).items()}
        assert found == of_postgres(connection, table), table.name
