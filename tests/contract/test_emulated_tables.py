"""The emulated BigQuery keeps tables as the service does: they expire, and a change may be meant for one state only."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from emulated_cloud import EmulatedCloud
from google.api_core.exceptions import NotFound, PreconditionFailed
from google.cloud import bigquery


def made_table(cloud: EmulatedCloud, expires: datetime | None = None) -> bigquery.Table:
    client = cloud.bigquery()
    client.create_dataset("d", exists_ok=True)
    table = bigquery.Table(f"{cloud.project}.d.t", schema=[bigquery.SchemaField("n", "INTEGER")])
    table.expires, table.labels = expires, {"app": "tillroll"}
    return client.create_table(table)


def test_a_table_is_gone_when_its_time_has_come(cloud: EmulatedCloud) -> None:
    client, expires = cloud.bigquery(), datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=2)
    assert made_table(cloud, expires).expires == expires
    time.sleep(2.1)

    with pytest.raises(NotFound):
        client.get_table("d.t")
    assert made_table(cloud).expires is None


def test_a_table_that_changed_meanwhile_is_not_changed(cloud: EmulatedCloud) -> None:
    client = cloud.bigquery()
    one, other = made_table(cloud), client.get_table("d.t")
    one.description, other.description = "one", "other"
    client.update_table(one, ["description"])

    with pytest.raises(PreconditionFailed):
        client.update_table(other, ["description"])
    assert client.get_table("d.t").description == "one"


def test_a_list_of_tables_has_their_labels(cloud: EmulatedCloud) -> None:
    made_table(cloud)

    assert [item.labels for item in cloud.bigquery().list_tables("d")] == [{"app": "tillroll"}]
