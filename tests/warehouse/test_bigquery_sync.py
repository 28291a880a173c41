"""The shop in BigQuery: what is published equals the source after every change, and what a sync leaves there."""

from datetime import timedelta

import psycopg
import pytest
from cloud_shop import CloudShop
from small_shop import DAY

from pipeline.report import make_report

pytestmark = pytest.mark.slow

SALES = "select sale_id, amount, note, created_at from staging.sale order by sale_id"


def source_rows(shop: CloudShop) -> list[tuple[object, ...]]:
    with psycopg.connect(shop.url, options="-c timezone=UTC") as connection:
        return connection.execute(
            "select sale_id, amount, note, created_at from ecommerce.sale order by sale_id"
        ).fetchall()


def test_the_first_run_publishes_all_history_and_the_second_has_nothing_to_do(cloud_shop: CloudShop) -> None:
    report = cloud_shop.sync()
    loads = cloud_shop.loads()

    assert report.publish.partitions == {"customer": 1, "sale": 6}
    assert len(loads) == 2  # one for each table, not one for each of 7 files
    assert cloud_shop.warehouse(SALES) == source_rows(cloud_shop)
    notes = cloud_shop.warehouse("select distinct note from staging.sale where note is null or length(note) < 3")
    assert set(notes) == {(None,), ("",), ("\\N",)}
    assert cloud_shop.audit().equal
    assert make_report(cloud_shop.settings, DAY).equal
    again = cloud_shop.sync()
    assert again.extract.planned == {}
    assert again.publish.nothing_to_do
    assert cloud_shop.loads() == loads


def test_every_change_is_named_by_the_audit_and_healed_by_the_next_run(cloud_shop: CloudShop) -> None:
    cloud_shop.sync()
    cloud_shop.execute("update ecommerce.sale set amount = amount + 0.01 where sale_id = 3")
    cloud_shop.execute("update ecommerce.sale set note = null where sale_id = 1")
    cloud_shop.execute("update ecommerce.sale set note = '' where sale_id = 4")
    cloud_shop.execute("update ecommerce.customer set name = 'Ω' where customer_id = 7")

    assert cloud_shop.differing() == ["customer (whole)", "sale 2025-01-06", "sale 2025-01-07", "sale 2025-01-09"]
    assert cloud_shop.sync().publish.partitions == {"customer": 1, "sale": 3}
    assert cloud_shop.audit().equal
    assert cloud_shop.warehouse(SALES) == source_rows(cloud_shop)


def test_rows_that_come_late_go_or_move_are_named_and_healed(cloud_shop: CloudShop) -> None:
    cloud_shop.sync()
    cloud_shop.execute("delete from ecommerce.sale where sale_id = 3")
    cloud_shop.execute("insert into ecommerce.sale values (999, 1, null, '2025-01-10 23:59:59.999999Z')")
    cloud_shop.execute("update ecommerce.sale set created_at = created_at + interval '1 day' where sale_id = 5")
    cloud_shop.execute("delete from ecommerce.sale where created_at between '2025-01-09Z' and '2025-01-09 23:59Z'")
    changed = ["sale 2025-01-05", "sale 2025-01-06", "sale 2025-01-07", "sale 2025-01-09", "sale 2025-01-10"]

    assert cloud_shop.differing() == changed
    assert cloud_shop.sync().publish.partitions == {"sale": 5}
    assert cloud_shop.audit().equal
    assert cloud_shop.warehouse(SALES) == source_rows(cloud_shop)


def test_a_transaction_committed_after_the_run_arrives_with_the_next(cloud_shop: CloudShop) -> None:
    with psycopg.connect(cloud_shop.url) as late:
        late.execute("insert into ecommerce.sale values (999, 1, null, '2025-01-10 12:00Z')")
        cloud_shop.sync()
    assert cloud_shop.differing() == ["sale 2025-01-10"]
    cloud_shop.sync(DAY + timedelta(days=1))
    assert cloud_shop.audit().equal


def test_datasets_and_tables_are_made_as_they_should_be(cloud_shop: CloudShop) -> None:
    cloud_shop.sync()
    client = cloud_shop.cloud.bigquery()
    found = {item.dataset_id: client.get_dataset(item.dataset_id) for item in client.list_datasets()}
    sale, customer = cloud_shop.table("staging.sale"), cloud_shop.table("staging.customer")

    assert sorted(found) == ["core", "datamart", "datamart_build", "staging", "staging_audit"]
    assert {dataset.location for dataset in found.values()} == {"EU"}
    assert all(dataset.description for dataset in found.values())
    assert cloud_shop.tables("staging") == ["_ledger", "customer", "sale"]
    assert cloud_shop.tables("staging_audit") == []  # nor is the lock left
    assert sale.time_partitioning is not None
    assert (sale.time_partitioning.type_, sale.time_partitioning.field) == ("DAY", "created_at")
    assert (sale.clustering_fields, sale.labels, sale.expires) == (["sale_id"], {"app": "tillroll"}, None)
    assert {field.name: field.description for field in sale.schema}["amount"] == "numeric(12,2)"
    assert (customer.time_partitioning, customer.clustering_fields) == (None, ["customer_id"])


def test_every_job_is_labelled_and_every_query_capped(cloud_shop: CloudShop) -> None:
    cloud_shop.sync()
    cloud_shop.opened().row_counts()
    cloud_shop.opened().record_transformed(cloud_shop.opened().ledger().values())
    jobs = [job for kind in ("load", "query", "copy") for job in cloud_shop.jobs(kind)]

    assert {job.labels.get("app") for job in jobs} == {"tillroll"}
    assert {job.labels.get("step") for job in jobs} == {"check", "load", "audit", "publish", "count", "transformed"}
    assert {job.labels.get("table") for job in jobs if job.labels["step"] == "load"} == {"sale", "customer"}
    assert {record["maximum_bytes_billed"] for record in cloud_shop.cloud.statements()} == {"1000000000"}


def test_days_reach_statements_as_literals(cloud_shop: CloudShop) -> None:
    cloud_shop.sync()
    before = len(cloud_shop.cloud.statements())
    cloud_shop.execute("update ecommerce.sale set amount = 0 where sale_id = 3")
    cloud_shop.sync()
    scripts = [r["statement"] for r in cloud_shop.cloud.statements()[before:] if "begin transaction" in r["statement"]]

    assert len(scripts) == 1
    assert "staging.sale` as t where (t.`created_at` >= timestamp '2025-01-07 00:00:00+00'" in scripts[0]
    assert "staging.customer" not in scripts[0]


def test_more_than_one_job_or_transaction_can_hold_comes_by_several(
    cloud_shop: CloudShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.warehouse.bigquery_audit_tables.MAX_FILES_PER_JOB", 4)
    monkeypatch.setattr("pipeline.warehouse.bigquery_publication.MAX_TABLES", 1)

    cloud_shop.sync()

    assert len(cloud_shop.loads()) == 3  # one for the customers, two for six days
    assert sum("begin transaction" in record["statement"] for record in cloud_shop.cloud.statements()) == 2
    assert cloud_shop.audit().equal
    assert cloud_shop.sync().publish.nothing_to_do


def test_a_new_column_in_the_catalog_brings_all_history_anew(cloud_shop: CloudShop) -> None:
    cloud_shop.sync()
    cloud_shop.execute("alter table ecommerce.sale add column channel text not null default 'web'")
    cloud_shop.catalog(lambda tables: tables["sale"]["columns"].update(channel="text not null"))

    report = cloud_shop.sync()

    assert report.publish.partitions == {"sale": 6}
    assert cloud_shop.warehouse("select distinct channel from staging.sale") == [("web",)]
    assert cloud_shop.table("staging.sale").clustering_fields == ["sale_id"]
    assert cloud_shop.audit().equal
    assert cloud_shop.sync().publish.nothing_to_do


def test_a_table_that_is_laid_out_anew_comes_with_all_its_history(cloud_shop: CloudShop) -> None:
    cloud_shop.sync()
    cloud_shop.catalog(lambda tables: tables["sale"].update(partition=None))

    report = cloud_shop.sync()

    assert report.publish.partitions == {"sale": 1}
    assert cloud_shop.table("staging.sale").time_partitioning is None
    assert cloud_shop.audit().equal


def test_a_day_that_is_gone_from_the_source_does_not_outlive_a_change_of_meaning(cloud_shop: CloudShop) -> None:
    """The columns fit, so the table stays; but the ledger's entries have another meaning, and all days come anew."""
    cloud_shop.sync()
    cloud_shop.execute("delete from ecommerce.sale where created_at < '2025-01-07Z'")
    cloud_shop.execute("alter table ecommerce.sale alter note type varchar(40)")
    cloud_shop.catalog(lambda tables: tables["sale"]["columns"].update(note="varchar(40)"))

    cloud_shop.sync(accept_vanishing=True)

    assert cloud_shop.warehouse(SALES) == source_rows(cloud_shop)
    assert cloud_shop.audit().equal


@pytest.mark.parametrize("name", ["order items-2", "Größe"])
def test_odd_names_arrive(cloud_shop: CloudShop, name: str) -> None:
    cloud_shop.execute(
        f'create table ecommerce."{name}" (id bigint primary key, "a: b#c" text, "rows" bool, at timestamp not null);'
        f"insert into ecommerce.\"{name}\" select i, 'x' || i, true, '2025-01-10 10:00' from generate_series(1, 5) i"
    )
    entry = {"key": ["id"], "partition": "at"}
    columns = {"id": "bigint not null", "a: b#c": "text", "rows": "bool", "at": "timestamp not null"}
    cloud_shop.catalog(lambda tables: tables.update({name: entry | {"columns": columns}}))

    cloud_shop.sync()

    assert cloud_shop.audit().equal
    assert cloud_shop.warehouse(f"select count(*) from `staging.{name}`") == [(5,)]


def test_every_table_is_on_its_way_before_the_first_is_audited(cloud_shop: CloudShop) -> None:
    cloud_shop.sync()

    loads = [job.created for job in cloud_shop.jobs("load") if job.job_id.startswith("tillroll_load_")]
    audits = [job.created for job in cloud_shop.jobs("query") if job.labels.get("step") == "audit"]
    assert len(loads) == len(audits) == 2
    assert max(loads) <= min(audits)
