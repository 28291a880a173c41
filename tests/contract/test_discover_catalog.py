"""What `tillroll discover` writes: a catalog that reads back as the source is, whatever things are called."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import yaml
from every_type import KINDS, SCHEMA, ddl
from typer.testing import CliRunner, Result

import pipeline.cli.discover  # noqa: F401  (adds the command to the app)
from pipeline.catalog import load_catalog, parse_catalog
from pipeline.catalog_text import short_type
from pipeline.cli.app import app
from pipeline.column_types import normalise_type
from pipeline.discover import discover
from pipeline.drift import fit_catalog
from pipeline.errors import ConfigurationError
from pipeline.snapshot import connect

SALES = """
create schema sales;
create type sales.mood as enum ('sad', 'happy');
create table sales.person (id int primary key, mood sales.mood, height numeric, name text not null);
create table sales.visit (created_at timestamptz not null, person_id int not null, at timestamp(3) not null,
    primary key (person_id, created_at));
comment on table sales.visit is 'One row per visit.';
"""

SALES_CATALOG = """\
schema: sales
drift: freeze

tables:
  person:
    key: [id]
    partition: null
    columns:
      id: integer not null
      mood: sales.mood
      height: numeric
      name: text not null

  visit:
    description: One row per visit.
    key: [person_id, created_at]
    partition: created_at
    columns:
      created_at: timestamptz not null
      person_id: integer not null
      at: timestamp(3) not null
"""


@pytest.fixture
def source(shop_url: str) -> Iterator[psycopg.Connection]:
    with connect(shop_url) as connection:
        yield connection


@pytest.fixture
def run(shop_url: str, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Runs `tillroll discover ARGUMENTS` on the source."""
    monkeypatch.setenv("TILLROLL_SOURCE", "external")
    monkeypatch.setenv("TILLROLL_SOURCE_URL", shop_url)
    return lambda *arguments: CliRunner().invoke(app, ["discover", *arguments])


def test_a_catalog_reads_like_the_one_in_config(source: psycopg.Connection) -> None:
    source.execute(SALES)

    text = discover(source).text

    assert text.startswith("# The catalog:")
    assert text[text.index("schema:") :] == SALES_CATALOG


def test_every_type_and_every_name_reads_back_as_the_source_has_it(shop_url: str) -> None:
    with connect(shop_url) as connection:
        connection.execute(ddl())
    with connect(shop_url) as connection:
        found = discover(connection)
        catalog = parse_catalog(yaml.safe_load(found.text))

        assert fit_catalog(connection, catalog).drifts == ()
        assert discover(connection).text == found.text
    assert catalog.schema == SCHEMA
    assert [table.name for table in catalog] == sorted(table.name for table in catalog)
    assert [column.name for column in catalog.table("Order").columns] == [
        *("from", "Mixed Case", 'quote"d', "comma,ed", "a: b #c", "{c} %s", "on", "1", "null", "[x]"),
        *("tab\there", "Ünï 😀"),
    ]
    assert catalog.table("every_type").description == 'One row per "case": all of them.'
    partitions = {table.name: table.partition for table in catalog if table.partition}
    assert partitions == dict.fromkeys(["ancient", "empty_day", "every_type", "measurement"], "created_at")
    keys = {table.name: table.key for table in catalog if table.name.endswith("_key")}
    assert keys == {
        "composite_key": ("b", "a"),
        "unique_key": ("sure",),
        "no_key": (),
        "locale_key": ("name",),
        "loose_key": ("name",),
    }


def test_what_arrives_as_text_unexpectedly_is_named(shop_url: str) -> None:
    with connect(shop_url) as connection:
        connection.execute(ddl())
    with connect(shop_url) as connection:
        named = {column.column: str(column) for column in discover(connection).as_text}

    assert named["an_enum"] == f'every_type.an_enum: "{SCHEMA}".mood (enum) arrives as text'
    assert named["integers"] == "every_type.integers: integer[] (array) arrives as text"
    assert named["a_money"] == "every_type.a_money: money arrives as text"
    assert named["numeric_50_10"] == "every_type.numeric_50_10: numeric(50,10) arrives as text"
    assert named.keys() & {kind.name for kind in KINDS if kind.arrives != "VARCHAR"} == set()
    assert named.keys() & {"a_text", "a_varchar", "a_char", "a_bpchar", "a_name", "a_uuid", "a_jsonb"} == set()


NAMES = [
    *(
        "null",
        "~",
        "on",
        "1",
        "1e3",
        "2025-01-01",
        "<<",
        "=",
        "- a",
        "? a",
        "a: b",
        "#",
        "&a",
        "*a",
        "!a",
        "|",
        ">",
        "'",
    ),
    *("%", "@", "`", '"', "\\", " a ", "a\nb", "\r", "\t", "\x7f", "\x85", "\u2028", "\ufeff", "\x01", "{a}", "[a, b]"),
    *("日本", "😀" * 15, "x" * 63),
]


def test_any_name_comes_back(source: psycopg.Connection) -> None:
    for name in NAMES:
        quoted = psycopg.sql.Identifier(name)
        source.execute(psycopg.sql.SQL("create schema {}").format(quoted))
        source.execute(psycopg.sql.SQL("create table {0}.{0} ({0} date not null primary key)").format(quoted))

        catalog = parse_catalog(yaml.safe_load(discover(source, name, partition_column=name).text))

        (table,) = catalog
        assert (catalog.schema, table.name, table.key, table.partition) == (name, name, (name,), name)
        assert fit_catalog(source, catalog).drifts == ()


def test_a_day_that_may_be_missing_does_not_partition(source: psycopg.Connection) -> None:
    source.execute("""
        create schema s;
        create domain s.moment as timestamptz not null;
        create table s.nullable (created_at timestamptz);
        create table s.by_domain (created_at s.moment);
        -- a domain's NOT NULL does not keep this null out
        insert into s.by_domain select (select now()::s.moment where false);
        create table s.unvalidated (created_at timestamptz);
        insert into s.unvalidated values (null);
        alter table s.unvalidated add not null created_at not valid;
        create table s.a_time (created_at time not null);
        create table s.a_text (created_at text not null);
        create table s.certain (created_at timestamp(0) not null);
    """)

    tables = {table.name: table.partition for table in discover(source).tables}

    assert tables == {
        **dict.fromkeys(["nullable", "by_domain", "unvalidated", "a_time", "a_text"]),
        "certain": "created_at",
    }


def test_a_partition_column_that_loses_its_not_null_is_named(source: psycopg.Connection) -> None:
    source.execute("create schema s; create table s.t (created_at timestamptz not null)")
    catalog = parse_catalog(yaml.safe_load(discover(source).text))
    source.execute("alter table s.t alter created_at drop not null")

    (drift,) = fit_catalog(source, catalog).drifts
    assert str(drift) == (
        "column t.created_at may be null, and the catalog says not null (drift: freeze): "
        "rows without a day go to rejected_t"
    )


def test_another_partition_column(source: psycopg.Connection) -> None:
    source.execute("create schema s; create table s.t (created_at date not null, sold_on date not null)")

    assert [table.partition for table in discover(source, partition_column="sold_on").tables] == ["sold_on"]
    assert [table.partition for table in discover(source, partition_column="none").tables] == [None]


def test_the_schema_is_named_where_there_are_several(source: psycopg.Connection) -> None:
    source.execute("create schema empty; create schema a; create table a.t (x int)")
    assert discover(source).schema == "a"

    source.execute('create schema "B"; create table "B".t (x int)')
    with pytest.raises(ConfigurationError, match=r"several schemas .*: B, a"):
        discover(source)
    assert discover(source, "B").schema == "B"


def test_nothing_to_discover_is_said(source: psycopg.Connection) -> None:
    with pytest.raises(ConfigurationError, match=r"no schema of the database shop_.* has tables"):
        discover(source)
    with pytest.raises(ConfigurationError, match="the schema sales has no tables"):
        discover(source, "sales")


def test_some_of_the_tables(source: psycopg.Connection) -> None:
    source.execute(SALES)

    assert [table.name for table in discover(source, tables=["visit"]).tables] == ["visit"]
    with pytest.raises(ConfigurationError, match="no table Visit in the schema sales"):
        discover(source, tables=["Visit", "person"])


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        (
            'create table s."Orders" (x int); create table s.orders (x int)',
            "tables 'Orders' and 'orders' have one name",
        ),
        ("create table s._ledger (x int)", "'_ledger'"),
        ('create table s.t (x int, "X" int)', "columns of t: 'x' and 'X' have one name"),
    ],
)
def test_names_that_differ_only_in_case_are_refused(source: psycopg.Connection, statement: str, message: str) -> None:
    source.execute(f"create schema s; {statement}")  # type: ignore[call-overload]

    with pytest.raises(ConfigurationError, match=message):
        discover(source)


@pytest.mark.parametrize(
    ("declared", "short"),
    [
        ("timestamp(3) with time zone", "timestamptz(3)"),
        ("timestamp without time zone", "timestamp"),
        ("character varying(9)[]", "varchar(9)[]"),
        ("character(1)", "char(1)"),
        ("bpchar", "bpchar"),
        ('"char"', '"char"'),
        ("numeric(12,2)", "numeric(12,2)"),
        ('s."character varying"', 's."character varying"'),
        ('s."odd (name)[]"', 's."odd (name)[]"'),
        ("interval day to second(3)", "interval day to second(3)"),
    ],
)
def test_a_short_type_means_the_same(declared: str, short: str) -> None:
    assert short_type(declared) == short
    assert normalise_type(short) == normalise_type(declared)


def test_the_command_writes_to_stdout_and_speaks_on_stderr(
    source: psycopg.Connection, run: Callable[..., Result]
) -> None:
    source.execute(SALES)

    result = run()

    assert result.exit_code == 0
    assert result.stdout[result.stdout.index("schema:") :] == SALES_CATALOG
    assert result.stderr.splitlines() == [
        "person.mood: sales.mood (enum) arrives as text",
        "person.height: numeric arrives as text",
        (
            "moved by day, and compared for the lookback's days only: visit; "
            "where older rows change at any time (customers, products), write `partition: null`"
        ),
    ]


def test_the_command_replaces_a_file_only_by_force(
    source: psycopg.Connection, run: Callable[..., Result], tmp_path: Path
) -> None:
    source.execute(SALES)
    target = tmp_path / "tables.yml"
    target.write_text("mine")

    refused = run("--output", str(target))
    assert (refused.exit_code, target.read_text()) == (2, "mine")
    assert "--force" in refused.stderr

    forced = run("--output", str(target), "--force")
    assert (forced.exit_code, forced.stdout) == (0, "")
    assert [table.name for table in load_catalog(target)] == ["person", "visit"]


def test_the_command_keeps_the_file_when_the_source_cannot_be_described(
    run: Callable[..., Result], tmp_path: Path
) -> None:
    target = tmp_path / "tables.yml"
    target.write_text("mine")

    assert run("--output", str(target), "--force").exit_code == 2
    assert target.read_text() == "mine"


def test_the_command_names_a_place_it_cannot_write(
    source: psycopg.Connection, run: Callable[..., Result], tmp_path: Path
) -> None:
    source.execute(SALES)

    result = run("--output", str(tmp_path / "nowhere" / "tables.yml"))

    assert result.exit_code == 2
    assert "nowhere/tables.yml: No such file or directory" in result.stderr


def test_the_summary_is_json(source: psycopg.Connection, run: Callable[..., Result], tmp_path: Path) -> None:
    source.execute(SALES)

    alone = json.loads(run("--json", "--table", "visit").stdout)
    written = json.loads(run("--json", "--output", str(tmp_path / "t.yml")).stdout)

    assert alone == {
        "output": None,
        "schema": "sales",
        "tables": [{"name": "visit", "partition": "created_at", "key": ["person_id", "created_at"], "columns": 3}],
        "as_text": [],
    }
    assert written["output"] == str(tmp_path / "t.yml")
    assert written["as_text"][0] == {"table": "person", "column": "mood", "type": "sales.mood", "kind": "enum"}
