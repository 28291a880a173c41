"""What a killed run left at work in BigQuery is waited for. The emulator ends each at once: a proxy speaks for it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from between import Between, Fault, between
from emulated_cloud import EmulatedCloud
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from pipeline.errors import TransientError
from pipeline.google_clients import google_clients
from pipeline.warehouse.bigquery import BigQueryWarehouse
from pipeline.warehouse.bigquery_left_jobs import STEPS, wait_for_left_jobs

LISTING = r"GET .*/jobs\?.*stateFilter=running"


@pytest.fixture
def way(cloud: EmulatedCloud) -> Iterator[Between]:
    with between(cloud.bigquery_url) as way:
        yield way


def client(cloud: EmulatedCloud, way: Between) -> bigquery.Client:
    credentials = AnonymousCredentials()  # type: ignore[no-untyped-call]
    options = {"api_endpoint": way.url}
    return bigquery.Client(cloud.project, credentials, location=cloud.location, client_options=options)


def at_work(way: Between, times: int, **labels: str) -> None:
    """For so many questions, BigQuery is at work on a job with these labels."""
    job: dict[str, Any] = {
        "id": "p:EU.left",
        "jobReference": {"projectId": "p", "jobId": "left", "location": "EU"},
        "configuration": {"jobType": "QUERY", "labels": labels, "query": {"query": "select 1"}},
        "state": "RUNNING",
        "status": {"state": "RUNNING"},
    }
    way.faults.append(Fault(LISTING, answer=(200, {"kind": "bigquery#jobList", "jobs": [job]}), times=times))


def asked(way: Between) -> int:
    return sum("stateFilter=running" in line for line in way.requests)


@pytest.mark.parametrize("step", sorted(STEPS))
def test_a_job_that_changes_rows_is_waited_for(cloud: EmulatedCloud, way: Between, step: str) -> None:
    at_work(way, 2, app="tillroll", step=step)
    wait_for_left_jobs(client(cloud, way), 30)
    assert asked(way) == 3


@pytest.mark.parametrize("labels", [{}, {"app": "tillroll", "step": "audit"}, {"app": "other", "step": "show"}])
def test_other_jobs_are_not(cloud: EmulatedCloud, way: Between, labels: dict[str, str]) -> None:
    at_work(way, 100, **labels)
    wait_for_left_jobs(client(cloud, way), 30)
    assert asked(way) == 1


def test_one_that_does_not_end_is_named(cloud: EmulatedCloud, way: Between) -> None:
    at_work(way, 100, app="tillroll", step="show")
    with pytest.raises(TransientError, match="still works on left") as raised:
        wait_for_left_jobs(client(cloud, way), 0.2)
    assert "bq cancel left" in raised.value.remedy


def test_whoever_takes_the_lock_waits_and_gives_it_back_when_that_is_in_vain(
    cloud: EmulatedCloud, way: Between, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", way.url)
    clients = google_clients(cloud.settings(tmp_path))
    warehouse = BigQueryWarehouse(cloud.project, cloud.location, clients, lock_timeout_s=0.2)
    at_work(way, 100, app="tillroll", step="transform_core")
    with pytest.raises(TransientError, match="still works on left"), warehouse.lock():
        pytest.fail("the lock was had beside a job that changes rows")
    way.faults.clear()
    with warehouse.lock():
        pass
