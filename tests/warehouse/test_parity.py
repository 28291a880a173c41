"""A laptop and the cloud make the same of the same days: every table of every layer, row for row."""

import re
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest
from emulated_cloud import SAID, EmulatedCloud
from google.cloud import bigquery, storage
from google_reading import KINDS, GoogleReader, in_words
from google_sql import SqlError
from two_places import Cloud, Laptop, Rows, exact, move

from emulators.servers import Servers
from ingestion.config import CONFIG_VARIABLE, IngestionConfig, Shares, Volumes
from ingestion.main_ingestion import ingest
from pipeline.catalog import load_catalog
from pipeline.errors import StepError
from pipeline.google_clients import dbt_by_token, supplied
from pipeline.reports import TransformReport
from pipeline.settings import ROOT, Settings
from pipeline.transform import transform_datamart

pytestmark = pytest.mark.slow

FIRST = date(2025, 1, 31)
SECOND = FIRST + timedelta(days=1)
TOKEN, LIMIT = "ya29.nobody-may-read-this", 10**12
HEALED, EMPTIED, BROKEN = (FIRST - timedelta(days=days) for days in (4, 3, 2))
SMALL = IngestionConfig(
    history_days=6,
    volumes=Volumes(customers=60, products=40, stores=6, sessions=240, transactions=90, reviews=60),
    shares=Shares(late_orders=0.2, refunded=0.3, daily_moves=0.05, daily_price_changes=0.05),
)
# What the second day finds changed besides what the shop itself did: an edited day, one that became empty, and rows
# that break a rule.
EDITS = f"""
set timezone = 'UTC';
update ecommerce.session set landing_page = 'naïve \\N, "quoted"' || chr(10) || 'ende', device = ''
where created_at::date = '{HEALED}' and session_id % 2 = 0;
delete from ecommerce.review where created_at::date = '{EMPTIED}';
update ecommerce.transaction set currency = 'USD'
where transaction_id in (select min(transaction_id) from ecommerce.transaction where created_at::date = '{BROKEN}');
update ecommerce.review set rating = 6
where review_id in (select min(review_id) from ecommerce.review where created_at::date = '{BROKEN}');
update ecommerce.product set unit_cost = -1
where product_id in (select min(product_id) from ecommerce.transaction_item);
"""


@dataclass(frozen=True)
class TokenClients:
    """Signed in as Airflow's connection signs in: dbt gets a token."""

    emulated: EmulatedCloud

    def storage(self) -> storage.Client:
        return self.emulated.storage()

    def bigquery(self, project: str, location: str) -> bigquery.Client:
        return self.emulated.bigquery(location)

    def dbt_environment(self) -> dict[str, str]:
        return dbt_by_token(TOKEN)


@dataclass
class Places:
    """The same shop in both places, and what core was built from, day by day."""

    laptop: Laptop
    cloud: Cloud
    laptop_built: list[TransformReport] = field(default_factory=list)
    cloud_built: list[TransformReport] = field(default_factory=list)


@pytest.fixture(scope="module")
def places(
    shop_url_of_module: str, google_emulators: Servers, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Places]:
    """Two days: the first with all history, the second with late rows, changed orders, and days edited by hand."""
    folder = tmp_path_factory.mktemp("places")
    config = folder / "ingestion.yml"
    config.write_text(SMALL.model_dump_json())
    emulated = EmulatedCloud(google_emulators, f"tillroll-{uuid.uuid4().hex[:8]}")
    url = shop_url_of_module
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CONFIG_VARIABLE, str(config))
        laptop = Laptop(Settings(_env_file=None, data_dir=folder / "laptop", source_url=url))  # type: ignore[call-arg]
        settings = emulated.settings(folder / "cloud", source_url=url, maximum_bytes_billed=LIMIT)
        cloud = Cloud(settings, emulated)
        both = Places(laptop, cloud)
        for day in (FIRST, SECOND):
            ingest(url, day)
            if day == SECOND:
                with psycopg.connect(url) as connection:
                    connection.execute(EDITS)
            both.laptop_built.append(move(laptop.settings, day))
            with supplied(TokenClients(emulated)):
                both.cloud_built.append(move(cloud.settings, day))
        yield both


def expected(dataset: str) -> set[str]:
    """The names that a dataset must hold, from the catalog and the dbt project."""
    folder = ROOT / "dbt" / "models" / dataset
    names = {file.stem for file in folder.rglob("*.sql") if file.parent.name != "base"}
    match dataset:
        case "staging":
            return names | {"_ledger"} | {table.name for table in load_catalog(ROOT / "config" / "tables.yml")}
        case "core":
            return names | {"_transformed", "snapshot_customer", "snapshot_product"}
    return names


@pytest.mark.parametrize("dataset", ["staging", "core", "datamart"])
def test_every_table_is_the_same_row_for_row(
    places: Places, dataset: str, record_property: Callable[[str, object], None]
) -> None:
    on_laptop, in_cloud = places.laptop.tables(dataset), places.cloud.tables(dataset)

    assert on_laptop.keys() == in_cloud.keys() == expected(dataset)
    record_property("compared", sorted(on_laptop))
    assert {
        name: rows.differences(in_cloud[name])[:3] for name, rows in on_laptop.items() if rows != in_cloud[name]
    } == {}


def test_the_days_were_hard(places: Places) -> None:
    """Late rows, an edited day, one that became empty, and rows that break a rule: replaced by day, in both places."""
    first, second = places.cloud_built

    assert first.everything
    assert not second.everything
    assert {HEALED, EMPTIED, BROKEN, FIRST, SECOND} <= set(second.days)
    assert {"product", "review", "transaction", "transaction_item"} <= second.quarantined.keys()
    versions = places.cloud.tables("core")["snapshot_product"]
    assert {("bool", True), ("bool", False)} == {row[versions.columns.index("dbt_valid_to")] for row in versions.found}
    for here, there in zip(places.laptop_built, places.cloud_built, strict=True):
        assert (here.days, here.models, here.tests, here.quarantined) == (
            there.days,
            there.models,
            there.tests,
            there.quarantined,
        )


def test_a_difference_would_be_found(places: Places) -> None:
    rows = places.cloud.tables("core")["dim_payment"]
    for planted in (True, 1.0, Decimal("1.000000001")):
        one, another = (Rows.of(("a", "b"), [(1, 2), (1, 2), (value, 3)]) for value in (1, planted))
        assert len(one.differences(another)) == 2

    assert exact(Decimal("1.50")) == exact(Decimal("1.5"))
    assert rows.differences(Rows(rows.columns, rows.found - rows.found)) == [*rows.found]
    assert rows.differences(Rows((*rows.columns, "more"), rows.found))


@pytest.fixture(scope="module")
def google(places: Places) -> GoogleReader:
    return GoogleReader(places.cloud.emulated.project, load_catalog(places.cloud.settings.catalog_path))


@pytest.fixture(scope="module")
def taken(google: GoogleReader, places: Places) -> Counter[str]:
    """What Google's analyzer took of all that was sent; what has no label, these tests sent themselves."""
    return google.read(record for record in places.cloud.emulated.statements() if record["labels"])


def test_google_takes_every_statement(taken: Counter[str], record_property: Callable[[str, object], None]) -> None:
    record_property(SAID, in_words(taken))
    assert set(taken) >= KINDS


@pytest.mark.usefixtures("taken")
@pytest.mark.parametrize(
    ("table", "correct", "planted", "complaint"),
    [
        ("stg_transaction", "date(created_at, 'UTC')", "date_trunc('day', created_at)", "date part name is required"),
        ("stg_transaction", "date(created_at, 'UTC')", "created_at::date", "Syntax error"),
        ("stg_transaction", "cast(tax_amount as numeric)", "cast(tax as numeric)", "Unrecognized name: tax"),
        ("stg_transaction", "`quarantine_transaction`", "`quarantine`", "Table not found"),
        ("core_equality", "orders as built_rows", "'none' as built_rows", "UNION ALL has incompatible types"),
        ("fact_transaction", "sum(lines.line_amount)", "sum(lines.channel)", "Name channel not found"),
    ],
)
def test_a_fault_of_dialect_is_found(
    places: Places, google: GoogleReader, table: str, correct: str, planted: str, complaint: str
) -> None:
    of_table = [record for record in places.cloud.emulated.statements() if record["labels"].get("table") == table]
    right = next(record for record in of_table if correct in record["statement"])
    wrong = right | {"statement": right["statement"].replace(correct, planted)}

    with pytest.raises(SqlError, match=complaint):
        google.read([wrong])
    assert google.read([right]).total()


def test_every_job_of_dbt_is_labelled_and_limited(places: Places) -> None:
    of_dbt = [job for job in places.cloud.emulated.statements() if "dbt_invocation_id" in job["labels"]]

    assert {job["labels"]["step"] for job in of_dbt} == {"transform_core", "transform_datamart"}
    assert {job["labels"]["app"] for job in of_dbt} == {"tillroll"}
    assert {"fact_transaction", "stg_review", "layer_equality"} <= {job["labels"].get("table") for job in of_dbt}
    assert {job["maximum_bytes_billed"] for job in of_dbt} == {str(LIMIT)}


def test_days_are_asked_for_in_the_way_that_skips_partitions(places: Places) -> None:
    """BigQuery reads every partition for a condition on a cast of the partition column, and those of the days for one
    on date() of it (https://github.com/dbt-labs/dbt_metrics/issues/111)."""
    sent = [job["statement"] for job in places.cloud.emulated.statements()]

    assert [statement for statement in sent if re.search(r"cast\(\s*created_at\s+as\s+date", statement, re.I)] == []
    views = [
        statement for statement in sent if re.search(r"create or replace view .*stg_(transaction|review)`", statement)
    ]
    assert views
    assert all("date(created_at, 'UTC') as day" in view for view in views)


def test_dbt_keeps_the_token_to_itself(places: Places) -> None:
    written = [path for path in places.cloud.settings.data.rglob("*") if path.is_file()]

    assert any(path.name == "partial_parse.msgpack" for path in written)
    assert any(path.name == "dbt.log" for path in written)
    assert [path for path in written if TOKEN.encode() in path.read_bytes()] == []


def test_a_failed_test_is_named_and_people_keep_their_marts(places: Places) -> None:
    """The last one: it spoils the core of the cloud, and takes a mart away so that the datamart is built again."""
    client, settings = places.cloud.emulated.bigquery(), places.cloud.settings
    client.query("update core.core_equality set value = value + 0.01 where measure like 'gross%'").result()
    client.delete_table("datamart.marts_payment_transaction_summary")
    seen = places.cloud.tables("datamart")

    with pytest.raises(StepError, match="dbt test layers_are_equal found 1 row that must not be") as failure:
        transform_datamart(settings, SECOND)

    compiled = Path(failure.value.remedy.split(" selects")[0])
    assert f"`{places.cloud.emulated.project}`.`datamart_build`.`layer_equality`" in compiled.read_text()
    assert places.cloud.tables("datamart") == seen
