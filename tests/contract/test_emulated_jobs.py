"""The emulated BigQuery runs jobs as the service does: where, with what they find there, and for how many bytes."""

from collections.abc import Callable

import pytest
from emulated_cloud import EmulatedCloud
from google.api_core.exceptions import BadRequest, Conflict, GoogleAPICallError, MethodNotImplemented, NotFound
from google.cloud import bigquery


def run(cloud: EmulatedCloud, statement: str, **options: object) -> bigquery.QueryJob:
    job = cloud.bigquery().query(statement, job_config=bigquery.QueryJobConfig(**options), job_retry=None)
    job.result()
    return job


@pytest.fixture
def days(cloud: EmulatedCloud) -> EmulatedCloud:
    """A project in the EU with `d.t`, a row a day for three days: 8 bytes `n`, 8 `day`, 2 + 4 `word`."""
    dataset = bigquery.Dataset(f"{cloud.project}.d")
    dataset.location = "EU"
    cloud.bigquery().create_dataset(dataset)
    run(
        cloud,
        "create table d.t (n int64 not null, day date, word string) partition by day cluster by n, word "
        "options(labels = [('app', 'tillroll')]) as "
        "(select n, date_add(date '2025-01-01', interval n day) as day, 'abcd' as word from unnest([0, 1, 2]) as n)",
    )
    return cloud


def test_what_a_statement_makes_is_seen(days: EmulatedCloud) -> None:
    run(days, "insert into d.t (n, day) values (4, null)")
    run(days, "alter table d.t add column more string")

    table = days.bigquery().get_table("d.t")

    assert [(field.name, field.mode) for field in table.schema] == [
        ("n", "REQUIRED"),
        ("day", "NULLABLE"),
        ("word", "NULLABLE"),
        ("more", "NULLABLE"),
    ]
    assert (table.time_partitioning.field, table.clustering_fields) == ("day", ["n", "word"])
    assert table.labels == {"app": "tillroll"}
    assert (table.num_rows, table.num_bytes) == (4, 3 * 22 + 8)
    with pytest.raises(BadRequest):
        run(days, "insert into d.t (n) values (null)")


@pytest.mark.parametrize(
    ("statement", "size"),
    [
        ("select n from d.t", 24),
        ("select * from d.t", 66),
        ("select n from d.t where word = 'abcd'", 42),
        ("select n from d.t where day = date '2025-01-02'", 16),
        ("select n from d.t where day in (date '2025-01-02', date '2025-01-03')", 32),
        ("with x as (select * from d.t) select n from x where day >= '2025-01-02'", 32),
        ("select x.n from d.t as x join d.t as y on x.n = y.n where y.day = '2025-01-02'", 24 + 16),
        ("select n from d.t where day = (select max(day) from d.t)", 48 + 24),
        ("delete from d.t where day = '2025-01-02'", 22),
        ("insert into d.t (n) select n from d.t where day = '2025-01-02'", 16),
        ("create table d.u as select n from d.t where day = '2025-01-02'", 16),
    ],
)
def test_a_query_scans_the_columns_it_names_in_the_partitions_it_names(
    days: EmulatedCloud, statement: str, size: int
) -> None:
    assert run_dry(days, statement).total_bytes_processed == size


def run_dry(cloud: EmulatedCloud, statement: str) -> bigquery.QueryJob:
    return cloud.bigquery().query(statement, job_config=bigquery.QueryJobConfig(dry_run=True), job_retry=None)


def test_a_query_that_would_bill_too_much_is_refused(days: EmulatedCloud) -> None:
    with pytest.raises(GoogleAPICallError, match="exceeded limit for bytes billed"):
        run(days, "select * from d.t", maximum_bytes_billed=65)

    assert run(days, "select * from d.t", maximum_bytes_billed=66).total_bytes_billed == 66


def test_a_job_runs_where_it_was_told_or_where_its_data_is(days: EmulatedCloud) -> None:
    client = days.bigquery()
    nowhere = bigquery.Client(project=days.project, credentials=client._credentials)
    job = nowhere.query("select * from d.t")

    assert job.location == "EU"
    assert client.get_job(job.job_id, location="EU").state == "DONE"
    with pytest.raises(NotFound):
        client.get_job(job.job_id, location="US")


@pytest.mark.parametrize(
    "job",
    [
        lambda client, uri: client.query("select * from d.t"),
        lambda client, uri: client.load_table_from_uri(uri, "d.t"),
        lambda client, uri: client.copy_table("d.t", "d.u"),
    ],
)
def test_a_dataset_is_in_one_location(days: EmulatedCloud, job: Callable[..., bigquery.QueryJob]) -> None:
    with pytest.raises(NotFound, match=rf"Dataset {days.project}:d was not found in location US"):
        job(days.bigquery("US"), f"gs://{days.bucket()}/f.csv").result()


@pytest.mark.parametrize(
    ("what", "job"),
    [
        (r"Table \S+:d.none was not found in location EU", lambda client, uri: client.query("select * from d.none")),
        (r"Dataset \S+:none", lambda client, uri: client.query("select * from `none`.t")),
        (r"URI gs://\S+/f.csv", lambda client, uri: client.load_table_from_uri(uri, "d.t")),
        (r"Table \S+:d.none", lambda client, uri: client.load_table_from_uri(uri, "d.none")),
        (r"Dataset \S+:none", lambda client, uri: client.load_table_from_uri(uri, "none.t")),
        (r"d.none", lambda client, uri: client.copy_table("d.none", "d.u")),
    ],
)
def test_what_is_not_there_is_not_found(days: EmulatedCloud, what: str, job: Callable[..., bigquery.QueryJob]) -> None:
    with pytest.raises(NotFound, match=what):
        job(days.bigquery(), f"gs://{days.bucket()}/f.csv").result()


def test_tables_of_a_dataset_that_is_not_there_are_not_found(cloud: EmulatedCloud) -> None:
    client = cloud.bigquery()

    with pytest.raises(NotFound):
        list(client.list_tables("none"))
    with pytest.raises(NotFound):
        client.create_table(bigquery.Table(f"{cloud.project}.none.t", schema=[bigquery.SchemaField("n", "INTEGER")]))


def test_a_copy_replaces_columns_and_rows(days: EmulatedCloud) -> None:
    client = days.bigquery()
    replacing = bigquery.CopyJobConfig(write_disposition="WRITE_TRUNCATE")
    layout = "partition by day cluster by n, word options(labels = [('whose', 'ours')])"
    run(days, f"create table d.u (day date, other int64, n int64, word string) {layout}")

    client.copy_table("d.t", "d.u", job_config=replacing).result()

    copied = client.get_table("d.u")
    assert copied.schema == client.get_table("d.t").schema
    assert (copied.num_rows, copied.labels) == (3, {"whose": "ours"})
    run(days, "create table d.v (n int64)")
    with pytest.raises(BadRequest, match="Incompatible table partitioning"):
        client.copy_table("d.t", "d.v", job_config=replacing).result()


def test_a_copy_puts_nothing_over_rows_unless_it_is_told_to(days: EmulatedCloud) -> None:
    client = days.bigquery()
    client.copy_table("d.t", "d.u").result()

    with pytest.raises(Conflict):
        client.copy_table("d.t", "d.u").result()
    assert client.get_table("d.u").num_rows == 3


def test_what_a_table_is_stays_when_it_is_there_already_or_renamed(days: EmulatedCloud) -> None:
    before = days.bigquery().get_table("d.t")
    run(days, "create table if not exists d.t (n int64)")
    run(days, "alter table d.t rename to u")

    after = days.bigquery().get_table("d.u")

    assert (after.schema, after.clustering_fields, after.labels) == (
        before.schema,
        before.clustering_fields,
        before.labels,
    )
    with pytest.raises(NotFound):
        days.bigquery().get_table("d.t")


def test_what_the_emulator_cannot_do_fails_at_once(days: EmulatedCloud) -> None:
    """A client would send a request again for ten minutes that was answered with 500."""
    with pytest.raises(MethodNotImplemented, match="the emulator failed"):
        days.bigquery().extract_table("d.t", "gs://none-at-all/f.csv")


def test_a_table_expires_when_its_dataset_says_so(cloud: EmulatedCloud) -> None:
    dataset = bigquery.Dataset(f"{cloud.project}.d")
    dataset.location, dataset.default_table_expiration_ms = "EU", 3_600_000
    cloud.bigquery().create_dataset(dataset)

    run(cloud, "create table d.t as select 1 as n")

    table = cloud.bigquery().get_table("d.t")
    assert (table.expires - table.created).total_seconds() == pytest.approx(3600, abs=1)
