"""Wrong use of BigQuery: each is one clear error with its remedy, and nothing is published."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cloud_shop import CloudShop
from emulated_cloud import EmulatedCloud
from google.cloud import bigquery

from pipeline.errors import ConfigurationError, TransientError
from pipeline.google_clients import google_clients
from pipeline.settings import Settings
from pipeline.warehouse import open_warehouse
from pipeline.warehouse.bigquery import BigQueryWarehouse

ANONYMOUS = Settings(_env_file=None, google_credentials="anonymous")


@pytest.mark.parametrize(
    "url",
    [
        "bigquery://",
        "bigquery://shop-1234",
        "bigquery://shop-1234/",
        "bigquery://shop-1234/EU/",
        "bigquery://shop-1234/EU/staging",
        "bigquery://Shop/EU",
        "bigquery://user@shop-1234/EU",
        "bigquery://shop-1234/EU?location=US",
        "bigquery://shop-1234/EU#",
        "bigquery:///EU",
    ],
)
def test_a_url_that_names_no_project_and_location_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="TILLROLL_WAREHOUSE_URL") as refused:
        BigQueryWarehouse.from_url(url, google_clients(ANONYMOUS))
    assert "bigquery://project/location" in refused.value.remedy


@pytest.mark.parametrize("url", ["bigquery://shop-1234/EU", "bigquery://example.com:shop/europe-west3"])
def test_a_url_that_names_both_is_taken_without_asking_google(url: str) -> None:
    BigQueryWarehouse.from_url(url, google_clients(ANONYMOUS))


def test_bigquery_needs_a_lake_in_cloud_storage(tmp_path: Path) -> None:
    settings = Settings(_env_file=None, warehouse_url="bigquery://shop-1234/EU", data_dir=tmp_path)

    with pytest.raises(ConfigurationError, match="TILLROLL_LAKE_URL"):
        open_warehouse(settings)


def test_a_catalog_that_bigquery_cannot_hold_is_refused_at_the_start(cloud_shop: CloudShop) -> None:
    cloud_shop.catalog(lambda tables: tables["sale"]["columns"].update({"a.b": "text"}))

    with pytest.raises(ConfigurationError, match=r"no room for a column sale\.a\.b"):
        cloud_shop.opened()


@pytest.mark.parametrize("name", ["staging", "datamart_build"])
def test_a_dataset_in_another_location_is_named_with_both(cloud_shop: CloudShop, name: str) -> None:
    dataset = bigquery.Dataset(f"{cloud_shop.cloud.project}.{name}")
    dataset.location = "US"
    cloud_shop.cloud.bigquery().create_dataset(dataset)

    with pytest.raises(ConfigurationError, match=rf"\.{name} is in US, not in EU") as refused:
        cloud_shop.sync()

    assert f"bigquery://{cloud_shop.cloud.project}/US" in refused.value.remedy
    assert cloud_shop.visible() == []


@pytest.mark.parametrize(
    ("name", "expiration"),
    [
        ("staging", "default_table_expiration_ms"),
        ("staging", "default_partition_expiration_ms"),
        ("staging_audit", "default_partition_expiration_ms"),
        ("datamart", "default_table_expiration_ms"),
    ],
)
def test_a_dataset_whose_rows_would_go_away_is_refused(cloud_shop: CloudShop, name: str, expiration: str) -> None:
    """As datasets are that were made in BigQuery's sandbox: after 60 days nobody would miss the oldest days."""
    dataset = bigquery.Dataset(f"{cloud_shop.cloud.project}.{name}")
    dataset.location = "EU"
    setattr(dataset, expiration, 60 * 24 * 60 * 60 * 1000)
    cloud_shop.cloud.bigquery().create_dataset(dataset)

    with pytest.raises(ConfigurationError, match=rf"\.{name} lets tables or partitions expire") as refused:
        cloud_shop.sync()

    assert f"{cloud_shop.cloud.project}:{name}" in refused.value.remedy
    assert cloud_shop.visible() == []


@contextmanager
def service(answers: dict[str, tuple[int, str, str]]) -> Iterator[str]:
    """A BigQuery that answers requests by method with a status, a reason and a message; others it does not find."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, reason, message = answers.get(self.command, (404, "notFound", "Not found: Dataset shop:staging"))
            error = {"code": status, "message": message, "errors": [{"reason": reason, "message": message}]}
            body = json.dumps({"error": error}).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PATCH = do_DELETE = answer  # noqa: N815

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize(
    ("method", "answer", "named", "remedy"),
    [
        ("GET", (404, "notFound", "Not found: Project shop-1234"), "there is no", "gcloud projects list"),
        (
            "GET",
            (403, "accessDenied", "Access Denied: Dataset shop-1234:staging: Permission bigquery.datasets.get denied"),
            "no permission for dataset shop-1234.staging",
            "roles/bigquery.dataEditor",
        ),
        (
            "POST",
            (403, "accessDenied", "Access Denied: Project shop-1234: User does not have bigquery.jobs.create"),
            "no permission for project shop-1234",
            "roles/bigquery.jobUser",
        ),
        ("POST", (400, "invalid", "Location EU is not known"), "takes no jobs of shop-1234 at 'EU'", "docs/locations"),
    ],
)
def test_what_the_service_refuses_is_named_with_its_remedy(
    monkeypatch: pytest.MonkeyPatch, method: str, answer: tuple[int, str, str], named: str, remedy: str
) -> None:
    answers = {method: answer} | ({"POST": answer} if answer[0] == 404 else {})
    with service(answers) as url:
        monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", url)
        warehouse = BigQueryWarehouse.from_url("bigquery://shop-1234/EU", google_clients(ANONYMOUS))

        with pytest.raises(ConfigurationError, match=named) as refused:
            warehouse.ledger()

    assert remedy in refused.value.remedy


def test_an_account_that_may_not_make_datasets_is_told_what_to_do(
    cloud: EmulatedCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse = BigQueryWarehouse.from_url(f"bigquery://{cloud.project}/EU", google_clients(ANONYMOUS))
    assert not warehouse.ledger()
    denied = (403, "accessDenied", "Access Denied: Project: User does not have bigquery.datasets.create permission")
    with service({"POST": denied}) as url:
        monkeypatch.setattr(warehouse._jobs.client._connection, "API_BASE_URL", url)
        with pytest.raises(ConfigurationError, match=r"no permission for dataset .*\.staging in EU") as refused:
            warehouse.lock().__enter__()

    assert f"bq --location=EU mk --dataset {cloud.project}:staging" in refused.value.remedy
    assert "roles/bigquery.user" in refused.value.remedy


def test_a_warehouse_that_does_not_answer_is_transient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", "http://127.0.0.1:1")
    monkeypatch.setattr("pipeline.warehouse.bigquery_datasets.RETRY", None)
    warehouse = BigQueryWarehouse.from_url("bigquery://shop-1234/EU", google_clients(ANONYMOUS))

    with pytest.raises(TransientError, match="no answer from Google for dataset"):
        warehouse.ledger()
