"""Marts are shown all at once, after they were built out of sight; and what people made in the datamart stays."""

from decimal import Decimal

import pytest
from emulated_cloud import EmulatedCloud
from google.cloud import bigquery

from pipeline.errors import StepError
from pipeline.google_clients import google_clients
from pipeline.settings import Settings
from pipeline.warehouse.base import Equality
from pipeline.warehouse.bigquery import BigQueryWarehouse
from pipeline.warehouse.bigquery_marts import Marts

SALES = "sales_by_day (day date options(description = 'UTC'), revenue numeric) partition by day cluster by day"


class Datamart:
    """The datasets in which marts are built and shown."""

    def __init__(self, cloud: EmulatedCloud) -> None:
        self._cloud = cloud
        settings = Settings(_env_file=None, google_credentials="anonymous")
        self.warehouse = BigQueryWarehouse.from_url(f"bigquery://{cloud.project}/EU", google_clients(settings))
        with self.warehouse.lock():
            pass
        self.build(f"create table datamart_build.{SALES}")
        self.build("create table datamart_build.totals (n int64)")
        self.build("create view datamart_build.seen as select 1 as n")
        self.build("insert into datamart_build.sales_by_day values (date '2025-01-01', 10), (date '2025-01-02', 20)")
        self.build("insert into datamart_build.totals values (30)")

    def build(self, statement: str) -> None:
        self._cloud.bigquery().query(statement).result()

    def rows(self, query: str) -> list[tuple[object, ...]]:
        return [tuple(row.values()) for row in self._cloud.bigquery().query(query).result()]

    def shown(self) -> list[str]:
        return sorted(item.table_id for item in self._cloud.bigquery().list_tables("datamart"))

    def table(self, name: str) -> bigquery.Table:
        return self._cloud.bigquery().get_table(f"datamart.{name}")

    def scripts(self) -> list[str]:
        return [r["statement"] for r in self._cloud.statements() if "begin transaction" in r["statement"]]


@pytest.fixture
def datamart(cloud: EmulatedCloud) -> Datamart:
    """Two marts and a view, built and not yet shown."""
    return Datamart(cloud)


def test_all_marts_are_shown_by_one_transaction(datamart: Datamart) -> None:
    assert not datamart.warehouse.shows_marts()
    datamart.warehouse.show_marts()

    assert datamart.warehouse.shows_marts()
    assert datamart.shown() == ["sales_by_day", "totals"]
    assert datamart.rows("select sum(revenue) from datamart.sales_by_day") == [(30,)]
    assert len(datamart.scripts()) == 1
    table = datamart.table("sales_by_day")
    assert table.time_partitioning is not None
    assert (table.time_partitioning.field, table.clustering_fields) == ("day", ["day"])
    assert table.labels["app"] == "tillroll"


def test_marts_that_were_built_anew_replace_those_that_people_see(datamart: Datamart) -> None:
    datamart.warehouse.show_marts()
    datamart.build("delete from datamart_build.sales_by_day where true")
    datamart.build("update datamart_build.totals set n = 31 where true")
    assert datamart.rows("select count(*) from datamart.sales_by_day") == [(2,)]

    datamart.warehouse.show_marts()

    assert datamart.rows("select count(*) from datamart.sales_by_day") == [(0,)]
    assert datamart.rows("select n from datamart.totals") == [(31,)]


def test_marts_may_change_their_columns_and_their_layout(datamart: Datamart) -> None:
    datamart.warehouse.show_marts()
    datamart.build("drop table datamart_build.sales_by_day")
    datamart.build("drop table datamart_build.totals")
    datamart.build("create table datamart_build.sales_by_day (day date, revenue numeric)")
    datamart.build("create table datamart_build.totals (n int64, name string)")
    datamart.build("insert into datamart_build.totals values (1, 'x')")

    datamart.warehouse.show_marts()

    assert datamart.table("sales_by_day").time_partitioning is None
    assert datamart.rows("select n, name from datamart.totals") == [(1, "x")]
    assert datamart.table("totals").labels["app"] == "tillroll"


def test_descriptions_reach_people_too(datamart: Datamart, cloud: EmulatedCloud) -> None:
    datamart.warehouse.show_marts()
    built = cloud.bigquery().get_table("datamart_build.totals")
    built.description = "All that was sold"
    cloud.bigquery().update_table(built, ["description"])
    datamart.warehouse.show_marts()

    assert datamart.table("totals").description == "All that was sold"
    assert datamart.rows("select n from datamart.totals") == [(30,)]


def test_a_mart_that_is_built_no_more_goes_and_peoples_own_tables_stay(datamart: Datamart) -> None:
    datamart.warehouse.show_marts()
    datamart.build("create table datamart.somebodys (n int64)")
    datamart.build("drop table datamart_build.totals")
    datamart.build("create table datamart_build.x__dbt_tmp_1 (n int64)")

    datamart.warehouse.show_marts()

    assert datamart.shown() == ["sales_by_day", "somebodys"]


def test_when_marts_cannot_be_shown_people_keep_what_they_had(
    datamart: Datamart, monkeypatch: pytest.MonkeyPatch
) -> None:
    datamart.warehouse.show_marts()
    datamart.build("update datamart_build.totals set n = 31 where true")
    datamart.build("create table datamart_build.new (n int64)")
    statements = Marts._statements

    def failing(self: Marts, built: bigquery.Table) -> list[str]:
        return [*statements(self, built), "select error('out of order')"]

    monkeypatch.setattr(Marts, "_statements", failing)
    with pytest.raises(StepError, match="out of order"):
        datamart.warehouse.show_marts()

    assert datamart.shown() == ["sales_by_day", "totals"]
    assert datamart.rows("select n from datamart.totals") == [(30,)]
    assert not datamart.warehouse.shows_marts()


def test_without_marts_there_is_nothing_to_show(cloud: EmulatedCloud) -> None:
    settings = Settings(_env_file=None, google_credentials="anonymous")
    warehouse = BigQueryWarehouse.from_url(f"bigquery://{cloud.project}/EU", google_clients(settings))

    warehouse.show_marts()

    assert warehouse.relations() == set()
    assert warehouse.row_counts() == {}
    assert warehouse.equalities() == []


def test_what_people_can_read_is_counted_and_what_is_hidden_is_not(datamart: Datamart) -> None:
    datamart.warehouse.show_marts()
    datamart.build("create table core._transformed (n int64)")
    datamart.build("create view staging.stg_x as select 1 as n union all select 2")
    datamart.build("create table core.gone (n int64)")
    datamart.build("create view core.broken as select n from core.gone")
    datamart.build("drop table core.gone")

    assert datamart.warehouse.relations() == {
        "core.broken",
        "datamart.sales_by_day",
        "datamart.totals",
        "staging.stg_x",
    }
    assert datamart.warehouse.row_counts() == {
        "datamart.sales_by_day": 2,
        "datamart.totals": 1,
        "staging.stg_x": 2,
    }


def test_equalities_are_those_that_people_see(datamart: Datamart) -> None:
    datamart.build(
        "create table datamart_build.layer_equality (layer string, measure string, value numeric, expected numeric)"
    )
    datamart.build("insert into datamart_build.layer_equality values ('core', 'rows', 3, 3), ('core', 'money', 1.5, 2)")
    datamart.warehouse.show_marts()

    (money, rows) = datamart.warehouse.equalities()

    assert money == Equality("core", "money", Decimal("1.5"), Decimal(2))
    assert (rows.holds, money.holds) == (True, False)
