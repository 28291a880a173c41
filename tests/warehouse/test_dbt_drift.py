"""Models name their columns: one more in staging does them no harm, and one less stops them, not their readers."""

from collections.abc import Mapping

import pytest
from staged_shop import LAST, PUBLISHED_AT, StagedShop

from pipeline.catalog import Table, load_catalog, with_columns
from pipeline.errors import StepError
from pipeline.ledger import LedgerEntry
from pipeline.warehouse.duckdb_sql import column_definitions

pytestmark = pytest.mark.slow


def catalog_table(shop: StagedShop) -> Table:
    return load_catalog(shop.settings.catalog_path).table("review")


def declarations(shop: StagedShop) -> dict[str, str]:
    return {column.name: column.declaration for column in catalog_table(shop).columns}


def evolve(shop: StagedShop, columns: Mapping[str, str]) -> None:
    """Leave staging as a sync leaves it whose source has these columns for reviews."""
    table = with_columns(catalog_table(shop), columns)
    before = [name for (name,) in shop.query("select column_name from (describe staging.review)")]
    kept = ", ".join(name for name in before if name in columns)
    shop.execute(
        f"alter table staging.review rename to before; create table staging.review ({column_definitions(table)});"
        f"insert into staging.review by name select {kept} from staging.before; drop table staging.before"
    )
    sequence = shop.warehouse.ledger().last_sequence + 1
    with shop.warehouse.publication() as publication:
        publication.publish(
            LedgerEntry(partition, found, table.schema_id, sequence, LAST, PUBLISHED_AT)
            for partition, found in shop.warehouse.fingerprints(table).items()
        )


def test_a_column_that_a_model_reads_is_missed_and_the_marts_stay(built_shop: StagedShop) -> None:
    marts = built_shop.marts.read_bytes()
    columns = declarations(built_shop)
    evolve(built_shop, {name: declared for name, declared in columns.items() if name != "title"})

    with pytest.raises(StepError, match=r'dbt model \w+ failed: .*"title" not found') as failure:
        built_shop.core()

    assert "review" in failure.value.message
    with pytest.raises(StepError, match="its last build failed"):
        built_shop.datamart()
    assert built_shop.marts.read_bytes() == marts

    evolve(built_shop, columns | {"stars": "int"})
    assert built_shop.core().models
