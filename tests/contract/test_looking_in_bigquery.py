"""Looking at the marts in the emulated BigQuery and in a file: the same answers, and the same cost.

Of cost, neither way to tell knows of the other: the emulator reads the statement's text, the dashboard DuckDB's plan.
"""

from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from emulated_cloud import EmulatedCloud
from google.cloud import bigquery

from benchmarks.bi_tables import LAST_DAY, Volume, make_tables
from dashboard.answers import Marts
from dashboard.bigquery_marts import BigQueryMarts
from dashboard.cost_of_looking import BigQueryMeter
from dashboard.file_marts import FileMarts
from dashboard.looking import FileMeter, latest_days, page_costs
from dashboard.queries import Queries
from dashboard.report import Page, load_report
from pipeline.warehouse.base import DATAMART

REPORT = load_report()
VOLUME = Volume(lines=400, days=70, customers=50)


@pytest.fixture
def marts() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    make_tables(connection, VOLUME)
    return connection


def copied(marts: duckdb.DuckDBPyConnection, cloud: EmulatedCloud) -> None:
    """The same rows in BigQuery, partitioned as dbt makes the tables."""
    client = cloud.bigquery()
    client.create_dataset(bigquery.Dataset(f"{cloud.project}.{DATAMART}"))
    for page in REPORT.pages:
        columns = marts.execute(f"describe {page.table}").fetchall()
        schema = [bigquery.SchemaField(name, _type(kind)) for name, kind, *_ in columns]
        table = bigquery.Table(f"{cloud.project}.{DATAMART}.{page.table}", schema)
        table.time_partitioning = bigquery.TimePartitioning(field="day")
        made = client.create_table(table)
        names = [name for name, *_ in columns]
        rows = [
            {name: str(value) for name, value in zip(names, row, strict=True) if value is not None}
            for row in marts.execute(f"from {page.table}").fetchall()
        ]
        client.load_table_from_json(rows, made, job_config=bigquery.LoadJobConfig(schema=schema)).result()


def _type(kind: str) -> str:
    return "NUMERIC" if kind.startswith("DECIMAL") else {"BIGINT": "INT64", "VARCHAR": "STRING"}.get(kind, kind)


def test_dry_runs_and_sizes_say_the_same(
    marts: duckdb.DuckDBPyConnection, cloud: EmulatedCloud, tmp_path: Path
) -> None:
    copied(marts, cloud)
    view = latest_days(LAST_DAY)

    in_bigquery = page_costs(REPORT, BigQueryMeter(BigQueryMarts(cloud.settings(tmp_path))), view)
    in_file = page_costs(REPORT, FileMeter(marts), view)

    assert [(c.page.name, q.name, q.scanned) for c in in_bigquery for q in c.queries] == [
        (c.page.name, q.name, q.scanned) for c in in_file for q in c.queries
    ]
    assert [c.billed for c in in_bigquery] == [c.billed for c in in_file]


def test_both_warehouses_give_the_same_answers(
    marts: duckdb.DuckDBPyConnection, cloud: EmulatedCloud, tmp_path: Path
) -> None:
    file = tmp_path / "datamart.duckdb"
    marts.execute(f"attach '{file}' as copied")
    for page in REPORT.pages:
        marts.execute(f"create table copied.{page.table} as from {page.table}")
    marts.execute("detach copied")
    copied(marts, cloud)
    places = (FileMarts(file, "256MB"), BigQueryMarts(cloud.settings(tmp_path)))

    for page in REPORT.pages:
        in_file, in_bigquery = (answers(place, page) for place in places)
        for name, answer in in_file.items():
            assert answer == in_bigquery[name], (page.name, name)
        assert all(in_file.values()), page.name


def answers(marts: Marts, page: Page) -> dict[str, list[tuple[Any, ...]]]:
    """What a page shows, by what it is for; and the rows behind it. Ratios to the digits that people see."""
    queries, view = Queries(REPORT, marts.dialect), latest_days(LAST_DAY)
    asked = queries.of_page(page, view) | {"rows": queries.rows(page, view, {}, 10_000)}
    version = marts.version() or ""
    return {name: sorted(map(_shown, marts.read(query, version).rows), key=repr) for name, query in asked.items()}


def _shown(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(round(Decimal(str(value)), 6) if isinstance(value, float | Decimal) else value for value in row)


def test_a_version_ends_with_a_write_of_any_table_that_is_read(
    marts: duckdb.DuckDBPyConnection, cloud: EmulatedCloud, tmp_path: Path
) -> None:
    settings = cloud.settings(tmp_path)
    assert BigQueryMarts(settings).version() is None
    copied(marts, cloud)
    before = BigQueryMarts(settings).version()

    cloud.bigquery().query(f"create or replace table {DATAMART}.bi_sales as select 1 as one").result()

    assert before is not None
    assert str(BigQueryMarts(settings).version()) > before
