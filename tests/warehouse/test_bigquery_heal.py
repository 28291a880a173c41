"""`audit --heal` in BigQuery: what was changed there by hand is published again, and what vanishes is asked about."""

import pytest
from cloud_shop import CloudShop

from pipeline.errors import DataError, TransientError, VanishingRowsError
from pipeline.warehouse.bigquery_publication import BigQueryPublication

pytestmark = pytest.mark.slow

IN_THE_WAREHOUSE = """
update staging.sale set amount = 0 where sale_id = 3;
delete from staging.sale where date(created_at) = '2025-01-06';
insert into staging.sale select * from staging.sale where date(created_at) = '2025-01-09';
insert into staging.sale values (999, 1, null, '2024-11-02 12:00+00');
update staging.customer set name = 'X' where customer_id = 1;
"""


def test_what_was_changed_on_either_side_is_healed(cloud_shop: CloudShop, monkeypatch: pytest.MonkeyPatch) -> None:
    cloud_shop.sync()
    cloud_shop.warehouse(IN_THE_WAREHOUSE)
    cloud_shop.execute("insert into ecommerce.sale values (998, 1, null, '2023-05-05 12:00Z')")
    assert len(cloud_shop.differing()) == 6

    def cut_off(*_: object) -> None:
        raise TransientError("away")

    monkeypatch.setattr(BigQueryPublication, "publish", cut_off)
    with pytest.raises(TransientError):
        cloud_shop.heal()
    monkeypatch.undo()
    healed = cloud_shop.heal()

    assert healed.synced is not None
    assert healed.synced.publish.partitions == {"customer": 1, "sale": 5}
    assert cloud_shop.audit().equal


def test_a_dropped_table_is_found_and_healed(cloud_shop: CloudShop) -> None:
    cloud_shop.sync()
    cloud_shop.cloud.bigquery().delete_table("staging.sale")
    assert [t.table for t in cloud_shop.audit().tables if not t.equal] == ["sale"]

    assert cloud_shop.heal().equal


def test_changed_columns_are_named_and_the_remedy_heals_them(cloud_shop: CloudShop) -> None:
    cloud_shop.sync()
    cloud_shop.warehouse("alter table staging.sale drop column note")
    with pytest.raises(DataError, match="has not the columns any more") as caught:
        cloud_shop.heal()

    assert "`bq rm --table staging.sale`" in caught.value.remedy
    cloud_shop.cloud.bigquery().delete_table("staging.sale")
    cloud_shop.sync()

    assert cloud_shop.audit().equal


def test_an_emptied_source_is_asked_about(cloud_shop: CloudShop) -> None:
    cloud_shop.sync()
    cloud_shop.execute("truncate ecommerce.sale")

    with pytest.raises(VanishingRowsError, match="60 of 60 published rows of sale"):
        cloud_shop.sync()
    assert cloud_shop.warehouse("select count(*) from staging.sale") == [(60,)]
    cloud_shop.sync(accept_vanishing=True)

    assert cloud_shop.audit().equal
