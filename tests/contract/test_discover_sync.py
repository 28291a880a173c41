"""Any schema: `discover` writes its catalog, `sync` moves it, and every value is looked at in the warehouse."""

from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from every_type import DAY, KINDS, SCHEMA, change, day_of, ddl, fill

from pipeline import equality, steps
from pipeline.discover import discover
from pipeline.fingerprint import Partition
from pipeline.plan import Scope
from pipeline.settings import Settings
from pipeline.snapshot import connect
from pipeline.warehouse import open_warehouse
from pipeline.warehouse.duckdb_sql import quote

pytestmark = pytest.mark.slow

# What each table of an awkward shape holds when it has arrived, in DuckDB's own order.
SHAPES: dict[str, list[tuple[Any, ...]]] = {
    "Order": [(1, "x", "y", 2, 3, "z", True, 4, 5, 6, 7, "ü")],
    "select": [("group by",)],
    "a/b.c": [(1,)],
    "composite_key": [("", 1, "y"), ("B", 1, "z"), ("a", 1, "z"), ("x", 1, ""), ("x", 2, None)],
    "unique_key": [(None, 1, 2), (None, 2, 1)],
    "no_key": [(1, "", 1), (1, "x", 2), (1, None, 1), (None, None, 2)],
    "empty": [],
    "empty_day": [],
    "lonely": [("", 1), ("\n", 1), ("\\N", 1), ("a", 1), (None, 2)],
    "lonely_bytes": [(b"", 2), (b"\0", 1), (None, 1)],
    "lonely_number": [(1,), (None,)],
    "locale_key": [("A",), ("B",), ("_a",), ("a",), ("b",), ("e",), ("z",), ("é",)],
    "loose_key": [("B", 2), ("a", 1), ("é", 3)],
}
COUNTED = {"no_key": "a, b", "lonely": "a", "lonely_bytes": "a"}


@pytest.fixture
def settings(shop_url: str, tmp_path: Path) -> Settings:
    """A source with a column of every type, discovered; nothing moved yet."""
    with connect(shop_url) as connection:
        connection.execute(ddl())
        connection.execute(fill())
        connection.execute(wide_table())
    with connect(shop_url) as connection:
        found = discover(connection)
    catalog = tmp_path / "tables.yml"
    catalog.write_text(found.text, encoding="utf-8")
    # The window reaches back over a day for each type.
    chosen = {"source": "external", "source_url": shop_url, "data_dir": tmp_path, "catalog": catalog}
    return Settings(_env_file=None, lookback=len(KINDS) + 1, **chosen)


def wide_table() -> str:
    """More columns than PostgreSQL's functions take arguments."""
    columns = ", ".join(f"c{i:03} {'text' if i % 2 else 'int'}" for i in range(150))
    return f'create table "{SCHEMA}".wide ({columns}); insert into "{SCHEMA}".wide (c000, c149) values (7, \'last\')'


def warehouse(settings: Settings, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(settings.warehouse.removeprefix("duckdb://"), read_only=True) as connection:
        return connection.execute(query).fetchall()


def source_execute(settings: Settings, *statements: str) -> None:
    assert settings.source_url is not None
    with connect(settings.source_url.get_secret_value()) as connection:
        for statement in statements:
            connection.execute(statement)  # type: ignore[call-overload]


def test_every_value_of_every_type_arrives(settings: Settings) -> None:
    steps.sync_day(settings, DAY)

    types = dict(
        warehouse(settings, "select column_name, data_type from duckdb_columns() where table_name = 'every_type'")
    )
    assert {kind.name: types[kind.name] for kind in KINDS} == {kind.name: kind.arrives for kind in KINDS}
    depth = max(len(kind.values) for kind in KINDS)
    for kind in KINDS:
        query = f"select {kind.name} from staging.every_type where created_at = '{DAY}' order by id"
        arrived = [value for (value,) in warehouse(settings, query)]
        expected = [kind.values[i % len(kind.values)][1] for i in range(depth)] + [None]
        # repr() tells -0.0 from 0.0, and nan is nan
        assert list(map(repr, arrived)) == list(map(repr, expected)), kind.name


def test_tables_of_few_columns_evolve_to_all_that_discover_writes(settings: Settings) -> None:
    discovered = settings.catalog_path.read_text("utf-8")
    catalog = yaml.safe_load(discovered)
    for table in catalog["tables"].values():
        needed = {*table["key"], table["partition"], next(iter(table["columns"]))}
        table["columns"] = {name: declared for name, declared in table["columns"].items() if name in needed}
    settings.catalog_path.write_text(yaml.safe_dump(catalog | {"drift": "evolve"}, sort_keys=False), "utf-8")

    assert steps.sync_day(settings, DAY).extract.warnings

    assert equality.audit(settings).equal
    settings.catalog_path.write_text(discovered, "utf-8")
    assert steps.sync_day(settings, DAY).publish.nothing_to_do


def test_every_shape_of_table_arrives(settings: Settings) -> None:
    report = steps.sync_day(settings, DAY)

    for table, expected in SHAPES.items():
        columns = f"{COUNTED[table]}, count(*)" if table in COUNTED else "*"
        grouped = f"group by {COUNTED[table]}" if table in COUNTED else ""
        query = f"select {columns} from staging.{quote(table)} {grouped} order by all"
        assert warehouse(settings, query) == expected, table
    assert warehouse(settings, "select c000, c149, c075 from staging.wide") == [(7, "last", None)]
    assert warehouse(settings, "select net::varchar, gross::varchar, label from staging.generated order by id") == [
        ("1.50", "3.00", "n1.50"),
        ("2.25", "4.50", "n2.25"),
    ]
    names = [name for (name,) in warehouse(settings, 'select column_name from (describe staging."Order")')]
    assert names[:5] == ["from", "Mixed Case", 'quote"d', "comma,ed", "a: b #c"]
    assert report.publish.partitions == {
        "every_type": len(KINDS) + 1,
        "measurement": 3,  # two days with rows, and the run's own day
        "ancient": 4,
        "empty_day": 1,
        **dict.fromkeys([*SHAPES.keys() - {"empty_day"}, "wide", "generated", "nullable_day"], 1),
    }


def test_a_second_sync_has_nothing_to_do_and_the_audit_says_equal(settings: Settings) -> None:
    steps.sync_day(settings, DAY)

    assert steps.sync_day(settings, DAY).publish.nothing_to_do
    assert equality.audit(settings).equal


def test_one_changed_value_of_each_type_is_found(settings: Settings) -> None:
    steps.sync_day(settings, DAY)
    before = open_warehouse(settings).ledger()
    source_execute(settings, *map(change, KINDS))

    report = steps.sync_day(settings, DAY)

    after = open_warehouse(settings).ledger()
    replaced = {partition for partition in after if before[partition].fingerprint != after[partition].fingerprint}
    # Each kind was changed on a day of its own: a day that is missing names the type that went unnoticed.
    assert replaced == {Partition("every_type", day_of(kind)) for kind in KINDS}
    assert report.extract.planned == {"changed": len(KINDS)}
    assert equality.audit(settings).equal


CHANGES = (
    {
        "no_key": "delete from {schema}.no_key where ctid = (select min(ctid) from {schema}.no_key)",
        "lonely": r"update {schema}.lonely set a = null where a = '\N'",
        "lonely_bytes": "update {schema}.lonely_bytes set a = null where a = ''",
        "empty": "insert into {schema}.empty values (1, null)",
        "wide": "update {schema}.wide set c075 = ''",
        "generated": "update {schema}.generated set net = net + 0.01 where id = 1",
        "composite_key": "update {schema}.composite_key set b = 'y' where b = 'x' and a = 2",
        "Order": """update {schema}."Order" set "Mixed Case" = 'X'""",
        "locale_key": "update {schema}.locale_key set name = 'è' where name = 'é'",
        "loose_key": "update {schema}.loose_key set name = 'A' where name = 'a'",
        "measurement": "update {schema}.measurement_2025 set amount = 9 where id = 2",
    },
    {
        "no_key": "insert into {schema}.no_key values (null, null)",
        "lonely": "update {schema}.lonely set a = '' where a is null",
        "empty": "delete from {schema}.empty",
    },
)


def test_a_change_of_any_shape_is_found_and_nothing_else(settings: Settings) -> None:
    steps.sync_day(settings, DAY)
    emptied = Scope(accept_vanishing=True)

    for changes in CHANGES:
        source_execute(settings, *(statement.format(schema=f'"{SCHEMA}"') for statement in changes.values()))
        assert steps.sync_day(settings, DAY, scope=emptied).publish.partitions == dict.fromkeys(changes, 1)
    assert equality.audit(settings).equal


def test_a_change_two_thousand_years_ago_is_found_by_the_audit(settings: Settings) -> None:
    steps.sync_day(settings, DAY)
    source_execute(settings, f"""delete from "{SCHEMA}".ancient where created_at = '0001-01-01Z'""")

    differing = [d.partition for table in equality.audit(settings).tables for d in table.differences]

    assert differing == [Partition("ancient", date(1, 1, 1))]
