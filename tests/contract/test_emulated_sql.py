"""GoogleSQL means in the emulated BigQuery what it means in BigQuery; without corrections most of it does not."""

import contextlib
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from emulated_cloud import EmulatedCloud
from google.api_core.exceptions import BadRequest
from google.cloud import bigquery

RESULTS = [
    ("cast(2.5 as int64)", 3),
    ("cast(cast(-2.5 as float64) as int64)", -3),
    ("cast(5 / 2 as int64)", 3),
    ("cast(if(true, 2.5, 1) as int64)", 3),
    ("cast(sum(n) / count(*) as int64) from unnest([2, 3]) as n", 3),
    ("safe_cast(2.5 as int64)", 3),
    ("cast(numeric '1.123456789' as numeric)", Decimal("1.123456789")),
    ("cast(1152921504606846975 as numeric) * 10", Decimal("11529215046068469750")),
    ("sum(cast(cast(concat('0x', substr(to_hex(md5('a')), 1, 15)) as int64) as numeric))", 57446577476672362),
    ("cast('1.123456789012345678' as bignumeric)", Decimal("1.123456789012345678")),
    ("format('%.2f', numeric '12345678901234567890.12')", "12345678901234567890.12"),
    ("format('%.18f', bignumeric '1.123456789012345678')", "1.123456789012345678"),
    ("format('%.2f', cast(0.125 as float64))", "0.12"),
    ("cast(cast(1 as float64) as string)", "1"),
    ("cast(numeric '1.50' as string)", "1.5"),
    ("format_timestamp('%E4Y-%m-%d %H:%M:%E*S', timestamp '0001-01-02 03:04:05.1+00', 'UTC')", "0001-01-02 03:04:05.1"),
    ("format_timestamp('%E4Y-%m-%d %H:%M:%E*S', timestamp '2025-01-02 03:04:05+00', 'UTC')", "2025-01-02 03:04:05"),
    ("format_datetime('%E4Y-%m-%d %H:%M:%E*S', datetime '2025-01-02 03:04:05.1')", "2025-01-02 03:04:05.1"),
    ("format_time('%H:%M:%E*S', time '03:04:05.12')", "03:04:05.12"),
    ("format_time('%H:%M:%E*S', time '03:04:05')", "03:04:05"),
    ("date_trunc(date '2026-03-18', week(monday))", date(2026, 3, 16)),
    ("date_trunc(date '2026-03-18', isoweek)", date(2026, 3, 16)),
    ("timestamp_trunc(timestamp '2026-03-18 10:00:00+00', week(monday))", datetime(2026, 3, 16, tzinfo=UTC)),
]  # fmt: skip


def rows(cloud: EmulatedCloud, statement: str) -> list[tuple[object, ...]]:
    return [tuple(row.values()) for row in cloud.bigquery().query(statement, job_retry=None).result()]


@pytest.mark.parametrize(("expression", "result"), RESULTS)
def test_expressions_have_googles_results(cloud: EmulatedCloud, expression: str, result: object) -> None:
    assert rows(cloud, f"select {expression}") == [(result,)]


@pytest.fixture
def numbers(cloud: EmulatedCloud) -> EmulatedCloud:
    """A project with a table `d.t` that holds 1 and 2."""
    client = cloud.bigquery()
    client.create_dataset("d")
    schema = [bigquery.SchemaField("n", "INTEGER", "REQUIRED")]
    client.create_table(bigquery.Table(f"{cloud.project}.d.t", schema=schema))
    rows(cloud, "insert into d.t (n) values (1), (2)")
    return cloud


@pytest.mark.parametrize(
    "rest",
    [
        "select error('no'); commit transaction",
        "insert into d.t (n) values (null); commit transaction",
        "create table d.other (n int64); commit transaction",
        "begin transaction; commit transaction",
        "rollback transaction",
        "select 1",  # the script ends before it commits
    ],
)
def test_a_transaction_that_does_not_commit_changes_nothing(numbers: EmulatedCloud, rest: str) -> None:
    script = f"begin transaction; delete from d.t where n = 1; insert into d.t (n) values (3); {rest}"
    try:
        rows(numbers, script)
    except BadRequest:
        assert "commit" in rest

    assert rows(numbers, "select n from d.t order by n") == [(1,), (2,)]


def test_a_transaction_that_commits_changes_every_table(numbers: EmulatedCloud) -> None:
    rows(numbers, "create table d.u as select 9 as n")

    rows(numbers, "begin transaction; delete from d.t where n = 1; delete from d.u where true; commit transaction")

    assert rows(numbers, "select n from d.t union all select n from d.u") == [(2,)]


def test_requests_sent_at_once_do_not_get_into_each_other(cloud: EmulatedCloud) -> None:
    cloud.bigquery().create_dataset("d")

    def work(number: int) -> list[int]:
        rows(cloud, f"create table d.t{number} as select {number} as n from unnest(generate_array(1, 1000))")
        change = f"delete from d.t{number} where true; insert into d.t{number} (n) select {number} + n from d.t0"
        with contextlib.suppress(BadRequest):
            rows(cloud, f"begin transaction; {change}; select error('no'); commit transaction")
        return [row.n for row in cloud.bigquery().list_rows(f"{cloud.project}.d.t{number}")]

    work(0)
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(1, 25))) == [[number] * 1000 for number in range(1, 25)]


def test_columns_may_have_reserved_names(cloud: EmulatedCloud) -> None:
    client = cloud.bigquery()
    client.create_dataset("d")
    names = ["partition", "rows", "value", "order", "group", "select"]
    client.create_table(
        bigquery.Table(f"{cloud.project}.d.t", schema=[bigquery.SchemaField(name, "INTEGER") for name in names])
    )
    quoted = ", ".join(f"`{name}`" for name in names)
    rows(cloud, f"insert into d.t ({quoted}) values (1, 2, 3, 4, 5, 6)")

    assert rows(cloud, f"select {quoted} from d.t") == [(1, 2, 3, 4, 5, 6)]


def test_a_statement_says_what_went_wrong_in_its_own_words(cloud: EmulatedCloud) -> None:
    with pytest.raises(BadRequest, match=r"^400 the ledger has changed"):
        rows(cloud, "select 1; select error('the ledger has changed')")


def test_the_first_row_of_each_has_a_day(cloud: EmulatedCloud) -> None:
    """DuckDB 2.0.0 cannot, unless a step of its optimizer is left out."""
    hours = "select n, timestamp_add(timestamp '2025-01-01', interval n hour) as t from unnest([1, 2, 30]) as n"
    first = f"select * from (select *, row_number() over (partition by n order by t) as r from ({hours})) where r = 1"

    assert rows(cloud, f"select cast(t as date), count(*) from ({first}) group by 1 order by 1") == [
        (date(2025, 1, 1), 2),
        (date(2025, 1, 2), 1),
    ]


def test_big_decimals_of_a_column_are_exact(cloud: EmulatedCloud) -> None:
    client = cloud.bigquery()
    client.create_dataset("d")
    field = bigquery.SchemaField("n", "BIGNUMERIC", precision=38, scale=20)
    client.create_table(bigquery.Table(f"{cloud.project}.d.t", schema=[field]))
    rows(cloud, "insert into d.t (n) values (bignumeric '123456789012345678.12345678901234567890')")

    assert rows(cloud, "select n, format('%.20f', n) from d.t") == [
        (Decimal("123456789012345678.12345678901234567890"), "123456789012345678.12345678901234567890")
    ]
    assert client.get_table("d.t").schema == [field]


def test_tables_of_one_name_in_two_datasets_are_two(cloud: EmulatedCloud) -> None:
    client = cloud.bigquery()
    for dataset, column in (("a", "x"), ("b", "y")):
        client.create_dataset(dataset)
        rows(cloud, f"create table {dataset}.t as select '{column}' as {column}")
    both = "select l.*, r.* from a.t as l cross join b.t as r"

    assert rows(cloud, f"{both} where extract(isoweek from date '2025-01-01') = 1") == [("x", "y")]
