"""What is said of a failed load job: column, line and object, and never the value that Google quotes.

The texts are the service's own, as its documentation and its users' reports show them.
"""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from google.api_core.exceptions import BadRequest, Forbidden, InternalServerError, NotFound
from google.cloud import bigquery

from pipeline.catalog import Table, parse_catalog
from pipeline.errors import ConfigurationError, CorruptObjectError, DataError, TillrollError, TransientError
from pipeline.manifest import LakeObject, Part
from pipeline.warehouse.bigquery_load_errors import load_error

PATH = "source/csv/2025-01-09/sale.csv"
SECRET = "Mrs Smith"  # noqa: S105


def sale() -> Table:
    columns = {"sale_id": "int not null", "amount": "numeric(12,2)", "at": "timestamptz not null"}
    (table,) = parse_catalog({"schema": "s", "tables": {"sale": {"columns": columns, "partition": "at"}}})
    return table


def told(error: Any, *messages: str) -> TillrollError:
    listed = [{"reason": "invalid", "message": message} for message in messages]
    job = bigquery.LoadJob.from_api_repr(
        {
            "jobReference": {"jobId": "x", "projectId": "p"},
            "configuration": {"load": {"destinationTable": {"projectId": "p", "datasetId": "d", "tableId": "t"}}},
            "status": {"state": "DONE", "errors": listed, "errorResult": listed[0] if listed else {}},
        },
        None,
    )
    table = sale()
    found = LakeObject(
        table="sale",
        day=date(2025, 1, 9),
        rows=1,
        checksum=1,
        schema_id=table.schema_id,
        parts=(Part(path=PATH, bytes=1, crc32c="00000000"),),
        longest_line=9,
        columns={},
        sequence=1,
        snapshot="s",
        extracted_at=datetime(2025, 1, 10, tzinfo=UTC),
        run_day=date(2025, 1, 10),
    )
    return load_error(error, job, table, [found], "gs://shop-lake/prefix")


@pytest.mark.parametrize(
    ("messages", "named"),
    [
        (
            [
                (
                    "Error while reading data, error message: CSV processing encountered too many errors, giving up. "
                    "Rows: 3; errors: 1; max bad: 0; error percent: 0"
                ),
                (
                    f"Error while reading data, error message: Invalid NUMERIC value: {SECRET}; line_number: 3 "
                    'byte_offset_to_start_of_line: 96 column_index: 1 column_name: "amount" column_type: NUMERIC '
                    f'value: "{SECRET}" File: gs://shop-lake/prefix/{PATH}'
                ),
            ],
            f": column amount, line 3, {PATH} (invalid)",
        ),
        (
            [
                (
                    f"Error while reading data, error message: Could not parse '{SECRET}' as NUMERIC for field amount "
                    "(position 1) starting at location 25 with message 'Unable to parse' "
                    f"File: gs://shop-lake/prefix/{PATH}"
                )
            ],
            f": column amount, {PATH} (invalid)",
        ),
        ([f"Error while reading data, error message: {SECRET}"], "in BigQuery (invalid)"),
    ],
)
def test_a_value_that_does_not_fit_is_named_by_its_place(messages: list[str], named: str) -> None:
    error = told(BadRequest(messages[0], errors=[{"reason": "invalid", "message": messages[0]}]), *messages)

    assert isinstance(error, DataError)
    assert error.message.endswith(named)
    assert SECRET not in str(error)


def test_more_days_than_partitions_are_no_bad_value() -> None:
    error = told(BadRequest("x"), "Too many partitions produced by query, allowed 4000, query produces at least 4001")

    assert isinstance(error, DataError)
    assert "more days than BigQuery lets a table have" in error.message
    assert "partition: null" in error.remedy


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (
            NotFound(f"Not found: URI gs://shop-lake/prefix/{PATH}"),
            CorruptObjectError,
            f"gs://shop-lake/prefix: {PATH}",
        ),
        (
            Forbidden("Access Denied: File gs://shop-lake/x: Access Denied"),
            ConfigurationError,
            "no permission for bucket gs://shop-lake:",
        ),
        (
            BadRequest("Cannot read and write in different locations: source: US, destination: EU"),
            ConfigurationError,
            "bucket gs://shop-lake is in another location",
        ),
        (InternalServerError("backendError"), TransientError, "Google cannot serve bucket gs://shop-lake now"),
    ],
)
def test_what_is_no_fault_of_a_row_is_told_as_what_it_is(error: Any, kind: type[TillrollError], words: str) -> None:
    found = told(error, error.message)

    assert type(found) is kind
    assert words in found.message
