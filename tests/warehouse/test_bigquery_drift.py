"""Columns that change in the source, in BigQuery: a table follows with its partitions, its history, and its price."""

import pytest
from cloud_shop import CloudShop
from google.cloud import bigquery
from small_shop import DAY

from pipeline import steps
from pipeline.cost import make_cost
from pipeline.errors import ConfigurationError

pytestmark = pytest.mark.slow

CHANGES = """
alter table ecommerce.sale drop note, add channel text not null default 'web', alter amount type numeric(14,4);
alter table ecommerce.sale alter created_at type timestamp;
alter table ecommerce.customer rename name to title;
"""


def policy(shop: CloudShop, policy: str) -> None:
    shop.catalog(lambda tables: [table.update(drift=policy) for table in tables.values()])


def columns(shop: CloudShop, table: str) -> list[str]:
    return [field.name for field in shop.table(f"staging.{table}").schema]


def test_an_evolved_table_is_replaced_with_all_its_history(cloud_shop: CloudShop) -> None:
    policy(cloud_shop, "evolve")
    cloud_shop.sync()
    cloud_shop.execute(CHANGES)

    report = cloud_shop.sync()

    assert len(report.extract.warnings) == 4
    assert report.publish.partitions == {"customer": 1, "sale": 6}
    assert columns(cloud_shop, "sale") == ["sale_id", "amount", "created_at", "channel"]
    assert columns(cloud_shop, "customer") == ["customer_id", "title", "created_at"]
    sale = cloud_shop.table("staging.sale")
    assert sale.schema[2].field_type == "DATETIME"
    assert sale.time_partitioning == bigquery.TimePartitioning("DAY", field="created_at")
    assert cloud_shop.audit().equal
    assert cloud_shop.sync().publish.nothing_to_do
    settings = cloud_shop.settings.model_copy(update={"dbt_project": "none"})
    assert make_cost(settings, DAY).day_bytes > 0

    cloud_shop.execute("alter table ecommerce.sale alter channel type varchar(20)")  # to BigQuery it is what it was
    assert cloud_shop.sync().publish.partitions == {"sale": 6}
    assert cloud_shop.audit().equal


def test_a_new_column_for_which_bigquery_has_no_room_stops_the_run_or_is_left_out(cloud_shop: CloudShop) -> None:
    policy(cloud_shop, "evolve")
    cloud_shop.execute("alter table ecommerce.sale add _partition_by int")

    with pytest.raises(ConfigurationError, match=r"no room for a column sale\._partition_by: .*\n.* `drift: freeze`"):
        steps.extract_day(cloud_shop.settings, DAY)

    assert cloud_shop.visible() == []
    policy(cloud_shop, "freeze")
    cloud_shop.sync()
    assert cloud_shop.audit().equal
