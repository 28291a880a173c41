"""Rows that no warehouse is trusted with: kept apart, proven like all others, and back as soon as they are repaired."""

from datetime import date, timedelta

import pytest
from cloud_shop import CloudShop
from psycopg.sql import SQL
from small_shop import DAY, Shop
from typer.testing import CliRunner

import pipeline.cli.steps  # noqa: F401  (adds the command to the app)
from pipeline import equality, status, steps
from pipeline.catalog import load_catalog
from pipeline.cli.app import app
from pipeline.errors import AuditError
from pipeline.rejected import NO_DAY
from pipeline.report import make_report
from pipeline.settings import Settings
from pipeline.snapshot import connect
from pipeline.source_sql import fingerprint_query
from pipeline.warehouse.duckdb import DuckDBPublication

pytestmark = pytest.mark.slow

BAD = "update ecommerce.sale set amount = 'NaN' where sale_id in (3, 33, 4)"  # two on one day, one on another
REPAIRED = "update ecommerce.sale set amount = 7 where amount = 'NaN'"
KEPT = "select day, row_key, reason from staging.rejected_sale order by all"
TWO_DAYS = [
    (date(2025, 1, 6), "4", "amount is NaN"),
    (date(2025, 1, 7), "3", "amount is NaN"),
    (date(2025, 1, 7), "33", "amount is NaN"),
]


def rows(shop: Shop) -> tuple[int, int]:
    """Rows of the source, and rows published: in their table and apart."""
    with connect(shop.url) as connection:
        found = connection.execute("select count(*) from ecommerce.sale").fetchone()
    ((published,),) = shop.warehouse(
        "select (select count(*) from staging.sale) + (select count(*) from staging.rejected_sale)"
    )
    assert found is not None
    return found[0], published


def test_a_rejected_row_lies_apart_until_it_is_repaired(shop: Shop) -> None:
    shop.sync()
    shop.execute(BAD)

    assert shop.differing() == [
        "sale 2025-01-06",
        "sale 2025-01-07",
        "rejected_sale 2025-01-06",
        "rejected_sale 2025-01-07",
    ]
    report = shop.sync()

    assert report.publish.rejected == {"rejected_sale": 3}
    assert report.publish.partitions == {"sale": 2, "rejected_sale": 2}
    assert shop.warehouse(KEPT) == TWO_DAYS
    assert rows(shop) == (300, 300)
    assert shop.audit().equal
    assert shop.sync().publish.nothing_to_do

    shop.execute(REPAIRED)
    report = shop.sync()

    assert report.publish.rejected == {}
    assert shop.warehouse(KEPT) == []
    assert shop.warehouse("select count(*) from staging.sale where amount = 7") == [(3,)]
    assert rows(shop) == (300, 300)
    assert shop.audit().equal


def test_without_rejected_rows_there_is_no_table_for_them(shop: Shop) -> None:
    shop.sync()

    assert shop.warehouse("select table_name from duckdb_tables() where table_name like 'rejected%'") == []
    assert shop.warehouse("select distinct table_name from staging._ledger order by 1") == [("customer",), ("sale",)]


def test_the_first_rejected_row_reads_no_history(shop: Shop) -> None:
    shop.sync()
    shop.execute(BAD)
    next_day = DAY + timedelta(days=1)

    # Eight days, two of them with rejected rows; the older days that are swept; customer.
    compared = 8 + 2 + shop.settings.sweep + 1
    assert shop.sync(next_day).extract.compared == compared
    assert shop.sync(next_day).extract.compared == compared


def test_the_history_of_rejected_rows_comes_with_the_history_of_their_table(shop: Shop) -> None:
    shop.execute("update ecommerce.sale set amount = 'NaN' where sale_id % 30 = 29")  # the oldest day
    shop.sync()

    assert {day for day, *_ in shop.warehouse(KEPT)} == {date(2024, 12, 12)}
    assert rows(shop) == (300, 300)


def test_a_whole_table_has_one_partition_of_rejected_rows(shop: Shop) -> None:
    shop.execute("update ecommerce.customer set created_at = 'infinity' where customer_id = 7")

    assert shop.sync().publish.partitions == {"customer": 1, "sale": 30, "rejected_customer": 1}
    assert shop.warehouse("from staging.rejected_customer") == [
        ("7", "created_at is infinite", '{"customer_id":7,"name":"customer 7","created_at":"infinity"}')
    ]
    assert shop.audit().equal
    shop.execute("delete from ecommerce.customer where customer_id = 7")
    assert shop.sync().publish.partitions == {"rejected_customer": 1}
    assert shop.warehouse("from staging.rejected_customer") == []


def test_a_table_that_is_cut_another_way_takes_its_rejected_rows_along(shop: Shop) -> None:
    shop.execute(BAD)
    shop.sync()
    shop.catalog(lambda tables: tables["sale"].update(partition=None))
    shop.sync()

    assert shop.warehouse("select row_key from staging.rejected_sale order by all") == [("3",), ("33",), ("4",)]
    assert shop.audit().equal
    shop.execute(REPAIRED)
    shop.catalog(lambda tables: tables["sale"].update(partition="created_at"))
    shop.sync()

    assert shop.warehouse(KEPT) == []
    assert rows(shop) == (300, 300)
    assert shop.audit().equal


def test_what_an_older_run_saw_rejected_does_not_come_back(shop: Shop) -> None:
    """A run that was not published is published late, when the rows were repaired and published where they belong."""
    shop.sync()
    shop.execute(BAD + "; alter table ecommerce.sale alter created_at drop not null")
    shop.execute("insert into ecommerce.sale values (999, 1, null, null)")
    steps.extract_day(shop.settings, DAY)
    shop.execute(REPAIRED + "; delete from ecommerce.sale where sale_id = 999")
    shop.sync(DAY + timedelta(days=1))

    steps.publish_day(shop.settings, DAY)

    assert shop.warehouse("select table_name from duckdb_tables() where table_name like 'rejected%'") == []
    assert shop.audit().equal


def test_a_rejected_row_that_is_not_what_the_source_has_stops_the_publish(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.execute(BAD)
    load = DuckDBPublication.load

    def damaged(self: DuckDBPublication, table, objects, lake) -> None:  # type: ignore[no-untyped-def]
        load(self, table, objects, lake)
        if table.rejects:
            self._connection.execute("update temp.audit_rejected_sale set reason = 'amount is nan' where row_key = '3'")

    monkeypatch.setattr(DuckDBPublication, "load", damaged)

    with pytest.raises(AuditError, match="rejected_sale 2025-01-07: source 2 rows"):
        shop.sync()


def test_a_rejected_row_that_is_changed_in_the_warehouse_is_named_and_healed(shop: Shop) -> None:
    shop.execute(BAD)
    shop.sync()
    shop.warehouse("delete from staging.rejected_sale where row_key = '4'")

    assert shop.differing() == ["rejected_sale 2025-01-06"]
    assert equality.heal(shop.settings).after.equal
    assert shop.warehouse(KEPT) == TWO_DAYS


def test_a_dropped_table_of_rejected_rows_comes_again_with_all_its_history(shop: Shop) -> None:
    shop.execute("update ecommerce.sale set amount = 'NaN' where sale_id <= 30")  # one on each of the thirty days
    shop.sync()
    shop.warehouse("drop table staging.rejected_sale")

    assert shop.sync(sweep=0).publish.rejected == {"rejected_sale": 30}

    assert rows(shop) == (300, 300)
    assert shop.audit().equal
    assert shop.sync(sweep=0).publish.nothing_to_do


def test_a_dropped_table_of_rows_that_are_repaired_is_asked_for_once(shop: Shop) -> None:
    shop.execute(BAD)
    shop.sync()
    shop.execute(REPAIRED)
    shop.warehouse("drop table staging.rejected_sale")

    assert shop.sync().publish.partitions == {"sale": 30}

    assert shop.sync().publish.nothing_to_do
    assert shop.warehouse("select count(*) from staging.sale") == [(300,)]
    assert shop.audit().equal


def test_a_heal_brings_a_dropped_table_of_rejected_rows(shop: Shop) -> None:
    shop.execute("update ecommerce.sale set amount = 'NaN' where sale_id <= 30")
    shop.sync()
    shop.warehouse("drop table staging.rejected_sale")

    assert shop.heal().equal
    assert rows(shop) == (300, 300)


def test_rejected_rows_are_not_taken_for_lost_ones(shop: Shop) -> None:
    shop.sync()
    shop.execute("update ecommerce.sale set amount = 'NaN' where created_at < '2025-01-10Z'")

    assert shop.sync().publish.rejected == {"rejected_sale": 10 * (7 + shop.settings.sweep)}
    shop.execute(REPAIRED)
    assert shop.sync().publish.rejected != {}  # the other days that were swept before
    assert equality.heal(shop.settings).after.equal
    assert shop.warehouse(KEPT) == []


def test_status_and_report_name_the_table_of_rejected_rows(shop: Shop) -> None:
    shop.execute(BAD)
    shop.sync()

    assert {t.table: t.rows for t in status.published(shop.settings)} == {
        "customer": 50,
        "sale": 297,
        "rejected_sale": 3,
    }
    report = make_report(shop.settings, DAY)
    assert {t.table: (t.source_rows, t.lake_rows, t.staging_rows, t.verdict) for t in report.tables} == {
        "customer": (50, 50, 50, "equal"),
        "sale": (297, 297, 297, "equal"),
        "rejected_sale": (3, 3, 3, "equal"),
    }
    shop.execute(REPAIRED)
    shop.sync()
    assert [t.table for t in status.published(shop.settings)] == ["customer", "sale"]


def test_a_sync_says_how_many_rows_are_rejected_and_where_they_are(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    shop.execute(BAD)
    monkeypatch.setattr(Settings, "load", lambda: shop.settings)

    said = CliRunner().invoke(app, ["sync", "--day", str(DAY)], catch_exceptions=False)

    assert "rejected   3 rows that cannot be held exactly: see staging.rejected_sale" in said.output
    assert "staging.rejected_sale keeps 3 rows" in caplog.text
    assert '"rejected_sale": 3' in CliRunner().invoke(app, ["sync", "--day", str(DAY), "--json"]).output


def test_rejected_rows_are_found_by_the_index_of_the_partition_column(shop: Shop) -> None:
    """Of a history of 3,000 days a run reads its window, whatever is looked for beside it."""
    shop.execute("""
        insert into ecommerce.sale select i, 1, null, timestamptz '2016-01-01Z' + i * interval '1 h'
        from generate_series(1000, 72000) i;
        create index on ecommerce.sale (created_at);
        analyze ecommerce.sale;
    """)
    sale = load_catalog(shop.settings.catalog_path).table("sale")
    query = fingerprint_query(sale, [(date(2020, 1, 1), date(2020, 1, 8))], utf8=True)
    with connect(shop.url) as connection:
        plan = "\n".join(line for (line,) in connection.execute(SQL("explain {}").format(query)))

    assert "Seq Scan" not in plan
    assert plan.count("Bitmap Index Scan on sale_created_at_idx") >= 2


def test_bigquery_keeps_the_same_rows_apart(cloud_shop: CloudShop) -> None:
    cloud_shop.sync()
    cloud_shop.execute(BAD + "; alter table ecommerce.sale alter created_at drop not null")
    cloud_shop.execute("insert into ecommerce.sale values (999, 1, null, null)")

    assert cloud_shop.sync().publish.rejected == {"rejected_sale": 4}
    assert cloud_shop.warehouse(KEPT) == [(NO_DAY, "999", "created_at is null: no day"), *TWO_DAYS]
    assert cloud_shop.audit().equal
    cloud_shop.execute(REPAIRED + "; delete from ecommerce.sale where sale_id = 999")

    assert cloud_shop.sync().publish.rejected == {}
    assert cloud_shop.warehouse(KEPT) == []
    assert cloud_shop.audit().equal


def test_a_dropped_table_of_rejected_rows_comes_again_in_bigquery(cloud_shop: CloudShop) -> None:
    cloud_shop.execute("update ecommerce.sale set amount = 'NaN' where sale_id <= 30")
    cloud_shop.sync()
    cloud_shop.cloud.bigquery().delete_table("staging.rejected_sale")
    later = DAY + timedelta(days=12)  # all days with rows lie beyond the lookback

    assert cloud_shop.sync(later, sweep=0).publish.rejected == {"rejected_sale": 6}

    assert cloud_shop.audit().equal
    cloud_shop.execute("update ecommerce.sale set amount = 7 where amount = 'NaN'")
    cloud_shop.cloud.bigquery().delete_table("staging.rejected_sale")

    cloud_shop.sync(later, sweep=0)
    assert cloud_shop.sync(later, sweep=0).publish.nothing_to_do
    assert cloud_shop.warehouse("select count(*) from staging.sale") == [(60,)]
    assert cloud_shop.audit().equal
