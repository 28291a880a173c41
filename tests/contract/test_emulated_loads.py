"""The emulated BigQuery loads CSV files as the service does. Each test fails on the emulator as it comes."""

import gzip
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pytest
from emulated_cloud import EmulatedCloud
from google.api_core.exceptions import BadRequest
from google.cloud import bigquery

Row = tuple[Any, ...]
Load = Callable[..., list[Row]]

COLUMNS = [bigquery.SchemaField("n", "INTEGER"), bigquery.SchemaField("t", "STRING")]


@pytest.fixture
def load(cloud: EmulatedCloud) -> Load:
    """Load files into `d.t`, in one job, and give the rows that the table then has."""
    client, bucket = cloud.bigquery(), cloud.storage().bucket(cloud.bucket())
    client.create_dataset("d")

    def run(
        *files: str | bytes, columns: list[bigquery.SchemaField] = COLUMNS, to: str = "t", **options: Any
    ) -> list[Row]:
        uris = []
        for number, content in enumerate(files):
            bucket.blob(f"{number}.csv").upload_from_string(content)
            uris.append(f"gs://{bucket.name}/{number}.csv")
        table = bigquery.Table(f"{cloud.project}.d.t", schema=columns)
        if to != "t":
            table.time_partitioning = bigquery.TimePartitioning(field=columns[0].name)
        client.create_table(table, exists_ok=True)
        config = bigquery.LoadJobConfig(schema=columns, **options)
        job = client.load_table_from_uri(uris, f"{cloud.project}.d.{to}", job_config=config)
        assert job.result().output_rows == sum(1 for _ in client.list_rows("d.t")) or options
        names = ", ".join(column.name for column in columns)
        return [tuple(row.values()) for row in client.query(f"select {names} from d.t order by 1, 2").result()]

    return run


def test_a_null_marker_keeps_empty_and_quoted_text(load: Load) -> None:
    rows = load('n,t\n1,\\N\n2,\n3,""\n4,"\\N"\n', skip_leading_rows=1, null_marker="\\N")

    assert rows == [(1, None), (2, ""), (3, ""), (4, "\\N")]


def test_a_file_without_a_header_has_none(load: Load) -> None:
    assert load("1,a\n2,b\n") == [(1, "a"), (2, "b")]


def test_files_of_one_job_come_together(load: Load) -> None:
    assert load("n,t\n1,a\n", "n,t\n2,b\n", "", "n,t\n", skip_leading_rows=1) == [(1, "a"), (2, "b")]


@pytest.mark.parametrize(
    ("content", "options", "text"),
    [
        ("1;'a;''b'\n", {"field_delimiter": ";", "quote_character": "'"}, "a;'b"),
        ('1,"a\r\nb"\n', {"allow_quoted_newlines": True}, "a\r\nb"),
        ('1,"a\nb"\r\n', {"allow_quoted_newlines": True}, "a\nb"),
        ("1\ta,b\n", {"field_delimiter": "\t"}, "a,b"),
        ("1\n", {"allow_jagged_rows": True}, None),
        (gzip.compress(b"1,a\n", mtime=0), {}, "a"),
    ],
)
def test_a_file_is_read_as_the_job_says(load: Load, content: str, options: dict[str, Any], text: str) -> None:
    assert load(content, **options) == [(1, text)]


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        ("INTEGER", "-7", -7),
        ("FLOAT", "-inf", float("-inf")),
        ("NUMERIC", "12345678901234567890123456789.123456789", Decimal("12345678901234567890123456789.123456789")),
        ("BOOLEAN", "t", True),
        ("BOOLEAN", "f", False),
        ("BYTES", "AP8=", b"\x00\xff"),
        ("DATE", "0001-01-01", date(1, 1, 1)),
        ("TIME", "23:59:59.000001", time(23, 59, 59, 1)),
        ("DATETIME", "2025-01-02 03:04:05.1", datetime.fromisoformat("2025-01-02T03:04:05.100")),
        ("TIMESTAMP", "2025-01-02 03:04:05.000001+00", datetime(2025, 1, 2, 3, 4, 5, 1, UTC)),
        ("TIMESTAMP", "9999-12-31 23:59:59.999999+00", datetime(9999, 12, 31, 23, 59, 59, 999_999, UTC)),
    ],
)
def test_a_field_is_a_value_of_its_columns_type(load: Load, kind: str, field: str, value: object) -> None:
    columns = [bigquery.SchemaField("n", "INTEGER"), bigquery.SchemaField("v", kind)]

    assert load(f"1,{field}\n2,\\N\n", columns=columns, null_marker="\\N") == [(1, value), (2, None)]


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        ("INTEGER", "1.5"),
        ("INTEGER", ""),
        ("INTEGER", "9223372036854775808"),
        ("NUMERIC", "123456789012345678901234567890"),
        ("BOOLEAN", "2"),
        ("BYTES", "no base64"),
        ("DATE", "2025-02-30"),
        ("TIME", "24:00:00"),
        ("DATETIME", "2025-01-02 03:04:05+00"),
        ("TIMESTAMP", "tomorrow"),
        ("TIMESTAMP", "0000-12-31 00:00:00+00"),
    ],
)
def test_a_field_that_does_not_fit_fails_the_job(load: Load, kind: str, field: str) -> None:
    columns = [bigquery.SchemaField("n", "INTEGER"), bigquery.SchemaField("v", kind)]

    with pytest.raises(BadRequest, match=r"Could not parse .* for field v .*gs://"):
        load(f"1,{field}\n", columns=columns, null_marker="\\N")


@pytest.mark.parametrize("disposition", ["WRITE_APPEND", "WRITE_TRUNCATE"])
def test_a_job_that_fails_changes_nothing(load: Load, disposition: str) -> None:
    load("1,a\n")

    with pytest.raises(BadRequest):
        load("2,b\n", "3,c\nx,d\n", write_disposition=disposition)

    assert load(write_disposition="WRITE_APPEND") == [(1, "a")]


def test_as_many_bad_rows_are_left_out_as_the_job_forgives(load: Load) -> None:
    assert load("1,a\nx,b\n2,c,d\n3,e\n", max_bad_records=2) == [(1, "a"), (3, "e")]

    with pytest.raises(BadRequest):
        load("x,a\nx,b\nx,c\n", max_bad_records=2)


def test_a_required_column_refuses_null(load: Load) -> None:
    columns = [bigquery.SchemaField("n", "INTEGER"), bigquery.SchemaField("t", "STRING", "REQUIRED")]

    with pytest.raises(BadRequest, match="field t"):
        load("1,\\N\n", columns=columns, null_marker="\\N")


def test_a_days_partition_is_replaced(load: Load) -> None:
    columns = [bigquery.SchemaField("day", "DATE"), bigquery.SchemaField("t", "STRING")]
    load("2025-01-01,a\n2025-01-02,b\n", columns=columns, to="t$20250101", write_disposition="WRITE_APPEND")

    rows = load("2025-01-02,c\n", columns=columns, to="t$20250102", write_disposition="WRITE_TRUNCATE")

    assert rows == [(date(2025, 1, 1), "a"), (date(2025, 1, 2), "c")]


def test_a_table_is_made_as_the_job_says(cloud: EmulatedCloud) -> None:
    client, bucket = cloud.bigquery(), cloud.storage().bucket(cloud.bucket())
    client.create_dataset("d")
    bucket.blob("f.csv").upload_from_string("1,a\n")
    config = bigquery.LoadJobConfig(schema=COLUMNS, clustering_fields=["t"], labels={"app": "tillroll"})

    job = client.load_table_from_uri(f"gs://{bucket.name}/f.csv", f"{cloud.project}.d.t", job_config=config)
    job.result()

    assert (job.output_rows, job.labels) == (1, {"app": "tillroll"})
    assert client.get_table("d.t").clustering_fields == ["t"]
