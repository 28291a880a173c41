"""The dbt project keeps to the catalog and to its own layers: drift and shortcuts are found here, not remembered."""

import copy
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.catalog import Catalog, load_catalog
from pipeline.column_types import resolve_type
from pipeline.settings import ROOT
from pipeline.warehouse.bigquery_datasets import DATAMART_BUILD
from pipeline.warehouse.duckdb_sql import LEDGER_COLUMNS

pytestmark = pytest.mark.slow

Sources = dict[str, dict[str, Any]]


def dbt_sources() -> Sources:
    content = yaml.safe_load((ROOT / "dbt" / "models" / "staging" / "sources.yml").read_text())
    return {table["name"]: table for table in content["sources"][0]["tables"]}


def drift(sources: Sources, catalog: Catalog) -> list[str]:
    """Where dbt's sources are not the catalog's tables: one line each."""
    ours = {name: table for name, table in sources.items() if name != "_ledger"}
    found = [f"{name}: not in both" for name in ours.keys() ^ {table.name for table in catalog}]
    for table in catalog:
        if table.name not in ours:
            continue
        declared = {c["name"]: resolve_type(c["data_type"]).source for c in ours[table.name]["columns"]}
        catalogued = {column.name: column.type.source for column in table.columns}
        if list(declared) != list(catalogued):
            found.append(f"{table.name}: columns {declared.keys() ^ catalogued.keys() or 'in another order'}")
        found += [f"{table.name}.{c}: {declared[c]}" for c in declared if catalogued.get(c, declared[c]) != declared[c]]
        if ours[table.name]["description"] != table.description:
            found.append(f"{table.name}: another description")
    return found


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog(ROOT / "config" / "tables.yml")


def test_sources_are_the_catalogs_tables(catalog: Catalog) -> None:
    assert drift(dbt_sources(), catalog) == []


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda s: s.pop("review"), "review: not in both"),
        (lambda s: s.update(voucher=s["review"]), "voucher: not in both"),
        (lambda s: s["store"]["columns"].pop(), "store: columns {'updated_at'}"),
        (lambda s: s["store"]["columns"].append({"name": "size", "data_type": "text"}), "store: columns {'size'}"),
        (lambda s: s["store"]["columns"].reverse(), "store: columns in another order"),
        (lambda s: s["review"]["columns"][4].update(data_type="integer"), "review.rating: integer"),
        (lambda s: s["product"]["columns"][6].update(data_type="numeric(12,3)"), "product.list_price: numeric(12,3)"),
        (lambda s: s["store"].update(description="Shops."), "store: another description"),
    ],
)
def test_drift_is_found(catalog: Catalog, change: Callable[[Sources], object], found: str) -> None:
    sources = copy.deepcopy(dbt_sources())
    change(sources)

    assert drift(sources, catalog) == [found]


def test_the_ledgers_columns_are_the_warehouses() -> None:
    columns = [column["name"] for column in dbt_sources()["_ledger"]["columns"]]

    assert columns == [definition.split()[0] for definition in LEDGER_COLUMNS.split(", ")]


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The parsed project, as dbt itself understands it."""
    return parse(tmp_path_factory.mktemp("dbt"), "duckdb")


def parse(folder: Path, target: str) -> Any:
    from dbt.cli.main import dbtRunner

    place = ("--project-dir", str(ROOT / "dbt"), "--profiles-dir", str(ROOT / "dbt"), "--target", target)
    outcome = dbtRunner().invoke(
        ["--quiet", "--log-level-file", "none", "--warn-error", "parse", *place, "--target-path", str(folder)]
    )
    assert outcome.success, outcome.exception
    return outcome.result


def models(manifest: Any, folder: str = "") -> dict[str, Any]:
    nodes = (node for node in manifest.nodes.values() if node.resource_type == "model")
    return {node.name: node for node in nodes if node.original_file_path.startswith(f"models/{folder}")}


def parents(node: Any) -> set[str]:
    """`model.fact_review`, `source.store` and so on."""
    return {f"{parent.split('.')[0]}.{parent.split('.')[-1]}" for parent in node.depends_on.nodes}


def test_every_source_is_read_by_one_model_of_staging(manifest: Any, catalog: Catalog) -> None:
    readers = {
        (parent, node.name)
        for node in models(manifest).values()
        for parent in parents(node)
        if parent.startswith("source.")
    }

    assert Counter(source for source, _ in readers) == Counter(
        [*(f"source.{table.name}" for table in catalog), "source._ledger"]
    )
    assert {reader for _, reader in readers} <= models(manifest, "staging").keys()
    assert all(reader.startswith(("base_", "stg_")) for _, reader in readers)


def test_layers_read_the_layer_below(manifest: Any) -> None:
    staging, core = models(manifest, "staging").keys(), models(manifest, "core").keys()
    marts = models(manifest, "datamart")

    for name, node in models(manifest, "core").items():
        below = staging | core if name in {"core_equality", "days_to_build_again"} else staging
        assert parents(node) <= {f"model.{parent}" for parent in below}, node.name
        bases = {parent for parent in parents(node) if parent.startswith("model.base_")}
        assert not bases or name in {"days_to_build_again", "published_partition"}, node.name
    for name, node in marts.items():
        below = core | marts.keys() if name == "layer_equality" else core
        assert parents(node) <= {f"model.{parent}" for parent in below}, name


def test_a_test_of_the_marts_reads_nothing_published_since_core_was_built(manifest: Any) -> None:
    marts = {f"model.{name}" for name in models(manifest, "datamart")}
    core = {f"model.{name}" for name in models(manifest, "core")}
    tests = {node.name: parents(node) for node in manifest.nodes.values() if node.resource_type == "test"}
    of_marts = {name: read for name, read in tests.items() if read & marts}

    assert "layers_are_equal" in of_marts
    assert {name for name, read in of_marts.items() if not read <= marts | core} == set()


def test_nothing_is_built_on_a_snapshot(manifest: Any) -> None:
    for node in models(manifest).values():
        assert not any(parent.startswith("snapshot.") for parent in parents(node)), node.name


def test_every_model_states_its_grain_and_has_a_key(manifest: Any) -> None:
    keyed = {
        node.attached_node.split(".")[-1]
        for node in manifest.nodes.values()
        if node.resource_type == "test" and node.name.startswith(("unique_", "holds_nothing_days_"))
    }

    for name, node in models(manifest).items():
        assert node.description.startswith("Grain: "), name
        assert name in keyed or node.config.materialized == "ephemeral", name


def test_core_and_marts_have_enforced_contracts_and_exact_money(manifest: Any) -> None:
    contracted = models(manifest, "core") | models(manifest, "datamart")
    del contracted["days_to_build_again"]

    assert len(contracted) == 25
    for name, node in contracted.items():
        assert node.config.contract.enforced, name
        floats = {column.name for column in node.columns.values() if column.data_type in {"double", "float", "float64"}}
        assert floats <= {"latitude", "longitude"}, name


def test_every_mart_has_a_reader(manifest: Any) -> None:
    exposed = set().union(*(parents(exposure) for exposure in manifest.exposures.values()))

    assert {f"model.{name}" for name in models(manifest, "datamart")} == exposed


def test_datasets_have_exactly_their_names(manifest: Any) -> None:
    for folder, dataset in {"staging": "staging", "core": "core", "datamart": "datamart"}.items():
        assert {node.schema for node in models(manifest, folder).values()} == {dataset}


@pytest.fixture(scope="module")
def on_bigquery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The same project, as dbt understands it for BigQuery."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TILLROLL_DBT_BIGQUERY_PROJECT", "a-project")
        yield parse(tmp_path_factory.mktemp("dbt"), "bigquery")


def test_on_bigquery_what_is_replaced_by_day_is_partitioned_by_day(on_bigquery: Any) -> None:
    by_day = {name: node for name, node in models(on_bigquery).items() if node.config.materialized == "incremental"}

    assert {"fact_transaction", "fact_review", "dim_session"} < by_day.keys()
    for name, node in by_day.items():
        assert node.config.incremental_strategy == "insert_overwrite", name
        assert node.config.extra["partition_by"] == {"field": "day", "data_type": "date", "granularity": "day"}, name


def test_on_bigquery_what_dashboards_read_is_partitioned_by_the_day_they_filter(
    on_bigquery: Any, manifest: Any
) -> None:
    tables = models(on_bigquery, "datamart/bi")

    assert len(tables) == 6
    for name, node in tables.items():
        assert node.config.extra["partition_by"] == {"field": "day", "data_type": "date", "granularity": "day"}, name
        assert models(manifest)[name].config.extra["partition_by"] is None, name


def test_what_dashboards_read_is_described_and_personal_in_nothing(manifest: Any) -> None:
    personal = {"first_name", "last_name", "email", "phone", "gender", "birth_date", "street", "postal_code"}

    assert personal <= models(manifest)["dim_customer"].columns.keys()
    for name, node in models(manifest, "datamart/bi").items():
        assert [column.name for column in node.columns.values() if len(column.description) < 10] == [], name
        assert not personal & node.columns.keys(), name


def test_on_bigquery_what_grows_is_clustered(on_bigquery: Any) -> None:
    tables = {**models(on_bigquery, "core"), **models(on_bigquery, "datamart")}
    small = {
        "core_equality",
        "days_to_build_again",
        "dim_date",
        "dim_payment",
        "dim_store",
        "layer_equality",
        "marts_daily_sales",
    }

    assert {name for name, node in tables.items() if not node.config.extra.get("cluster_by")} == small


def test_on_bigquery_tables_are_labelled_described_and_typed(on_bigquery: Any) -> None:
    for name, node in models(on_bigquery).items():
        assert node.config.extra["labels"] == {"app": "tillroll"}, name
        assert node.config.persist_docs == {"relation": True, "columns": True}, name
    assert models(on_bigquery)["fact_transaction"].columns["total_amount"].data_type == "numeric"


def test_on_bigquery_marts_are_built_where_nobody_reads(on_bigquery: Any) -> None:
    for folder, dataset in {"staging": "staging", "core": "core", "datamart": DATAMART_BUILD}.items():
        assert {node.schema for node in models(on_bigquery, folder).values()} == {dataset}
