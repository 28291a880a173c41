"""The emulated cloud does what Google's services do, where the emulators by themselves do not.

Each test fails on the emulators as they come: a launcher that lies would make every proof that rests on it worthless.
"""

from decimal import Decimal

import pytest
from emulated_cloud import EmulatedCloud
from google.api_core.exceptions import BadRequest, Conflict
from google.cloud import bigquery


def test_a_job_id_is_taken_once(cloud: EmulatedCloud) -> None:
    client = cloud.bigquery()
    config = bigquery.QueryJobConfig(labels={"app": "tillroll"})
    client.query("select 1", job_id="once", job_config=config, job_retry=None).result()

    with pytest.raises(Conflict):
        client.query("select 2", job_id="once", job_retry=None)

    job = client.get_job("once")
    assert job.labels == {"app": "tillroll"}
    assert job.location == "EU"
    assert [tuple(row.values()) for row in job.result()] == [(1,)]


def test_a_table_is_made_with_its_columns_and_from_a_query(cloud: EmulatedCloud) -> None:
    """As dbt makes a model that has a contract: the columns, `as`, and the query in parentheses."""
    client = cloud.bigquery()
    client.create_dataset("d")
    create = "create or replace table d.t (n int64 not null, amount numeric) as (select n, amount from ({})) "

    client.query(create.format("with q as (select 1 as n, 2 as amount) select * from q")).result()

    columns = [(column.name, column.field_type) for column in client.get_table("d.t").schema]
    assert columns == [("n", "INTEGER"), ("amount", "NUMERIC")]
    with pytest.raises(BadRequest, match="Required field n cannot be null"):
        client.query(create.format("select cast(null as int64) as n, 2 as amount"), job_retry=None).result()
    assert [tuple(row.values()) for row in client.query("select n, amount from d.t").result()] == [(1, 2)]


def test_a_literal_beside_a_numeric_is_exact(cloud: EmulatedCloud) -> None:
    """As floats, 1.1 times 1.1 is 1.2100000000000002."""
    query = "select cast(1.1 as numeric) * 1.1 as product"

    assert [tuple(row.values()) for row in cloud.bigquery().query(query).result()] == [(Decimal("1.21"),)]
