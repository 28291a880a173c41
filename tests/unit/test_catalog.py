"""The catalog: what a file says is what the table is, and a file that is wrong is refused with the place named."""

from pathlib import Path
from typing import Any

import pytest

from pipeline.catalog import Catalog, load_catalog, parse_catalog
from pipeline.column_types import Rule
from pipeline.errors import ConfigurationError
from pipeline.settings import ROOT

SALE = {
    "description": "One row per sale.",
    "key": ["id"],
    "partition": "created_at",
    "columns": {"id": "bigint not null", "amount": "numeric(12,2)", "created_at": "timestamptz NOT NULL"},
}


def catalog(**changes: Any) -> Catalog:
    """A catalog of the table `sale`, with parts of it replaced; a part that is None is left out."""
    entry = {part: value for part, value in (SALE | changes).items() if value is not None}
    return parse_catalog({"schema": "shop", "tables": {"sale": entry}}, Path("tables.yml"))


def test_a_table_is_what_the_file_says() -> None:
    (sale,) = catalog()

    assert (sale.schema, sale.name, sale.key, sale.description) == ("shop", "sale", ("id",), "One row per sale.")
    assert sale.is_daily
    assert sale.partition_column.name == "created_at"
    assert [(column.name, column.type.rule, column.nullable) for column in sale.columns] == [
        ("id", Rule.INTEGER, False),
        ("amount", Rule.DECIMAL, True),
        ("created_at", Rule.TIMESTAMP, False),
    ]


def test_everything_but_the_columns_may_be_left_out() -> None:
    (sale,) = catalog(description=None, key=None, partition=None)

    assert (sale.description, sale.key, sale.partition, sale.is_daily) == ("", (), None, False)


def test_the_shop_is_a_valid_catalog() -> None:
    shop = load_catalog(ROOT / "config" / "tables.yml")

    assert len(shop.tables) == 8
    assert all(column.type.known for table in shop for column in table.columns)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"key": ["nr"]}, "sale has no column 'nr'"),
        ({"partition": "day"}, "sale has no column 'day'"),
        ({"partition": "amount"}, "partition column sale.amount is numeric(12,2)"),
        ({"partition": "id"}, "partition column sale.id is bigint"),
        ({"columns": {}}, "tables.sale.columns: "),
        ({"columns": None}, "tables.sale.columns: Field required"),
        ({"columns": {"id": 7}}, "tables.sale.columns.id: "),
        ({"columns": {1: "int"}}, "tables.sale.columns.1"),
        ({"key": "id"}, "tables.sale.key: "),
        ({"keys": ["id"]}, "tables.sale.keys: Extra inputs are not permitted"),
        ({"partition": ["created_at"]}, "tables.sale.partition: "),
    ],
)
def test_a_wrong_table_is_refused_with_its_place(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        catalog(**changes)

    assert refused.value.message.startswith("catalog tables.yml: ")
    assert message in refused.value.message
    assert refused.value.remedy


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "the file: "),
        ([], "the file: "),
        ({"tables": {"sale": SALE}}, "schema: Field required"),
        ({"schema": "shop"}, "tables: Field required"),
        ({"schema": "shop", "tables": {}}, "tables: "),
        ({"schema": "shop", "tables": {"sale": None}}, "tables.sale: "),
        ({"schema": "shop", "tables": {"sale": SALE}, "table": 1}, "table: Extra inputs are not permitted"),
    ],
)
def test_a_wrong_file_is_refused_with_its_place(content: Any, message: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        parse_catalog(content, Path("tables.yml"))

    assert message in refused.value.message


def test_a_missing_file_names_the_command_that_writes_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as refused:
        load_catalog(tmp_path / "tables.yml")

    assert str(tmp_path / "tables.yml") in refused.value.message
    assert "tillroll discover" in refused.value.remedy


@pytest.mark.parametrize("content", [b"schema: [", b"\xff\xfe\x00", b"schema: \x07"])
def test_a_file_that_is_no_yaml_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "tables.yml"
    path.write_bytes(content)

    with pytest.raises(ConfigurationError, match=f"cannot read the catalog {path}"):
        load_catalog(path)


def test_an_unknown_table_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ConfigurationError) as refused:
        catalog().table("sales")

    assert "'sales'" in refused.value.message
    assert "sale" in refused.value.remedy


def test_the_schema_id_follows_what_a_fingerprint_means() -> None:
    (sale,) = catalog()
    columns = SALE["columns"]
    assert isinstance(columns, dict)

    def schema_id(**changes: Any) -> str:
        return catalog(**changes).table("sale").schema_id

    assert schema_id(description="Another.", key=["created_at"]) == sale.schema_id
    assert schema_id(columns=columns | {"id": "int8 not null"}) == sale.schema_id
    assert schema_id(partition=None) != sale.schema_id
    assert schema_id(columns=columns | {"id": "integer not null"}) != sale.schema_id
    assert schema_id(columns=columns | {"more": "text"}) != sale.schema_id
    assert schema_id(columns=dict(reversed(columns.items()))) != sale.schema_id


def test_a_table_that_stands_twice_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "tables.yml"
    file.write_text("schema: s\ntables:\n  a: {columns: {x: text}}\n  a: {columns: {y: text}}\n")
    with pytest.raises(ConfigurationError, match="'a' stands twice"):
        load_catalog(file)
