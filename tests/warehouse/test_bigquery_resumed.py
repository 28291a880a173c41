"""A publication in BigQuery that was cut off, overtaken or lost a table: the next one brings everything, once."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cloud_shop import CloudShop
from google.api_core.exceptions import RetryError
from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from small_shop import DAY

from pipeline import steps
from pipeline.catalog import Table
from pipeline.errors import DataError, TransientError
from pipeline.lake.base import Lake
from pipeline.manifest import LakeObject
from pipeline.warehouse.bigquery_jobs import Jobs
from pipeline.warehouse.bigquery_publication import BigQueryPublication
from pipeline.warehouse.bigquery_tables import Tables
from pipeline.warehouse.bigquery_transactions import Transactions

pytestmark = pytest.mark.slow

# A process of its own, in which the publication is killed the way that OOM killers do it.
KILLED = """
import os, signal, sys
from datetime import date
from pipeline import steps
from pipeline.settings import Settings
from pipeline.warehouse.bigquery_publication import BigQueryPublication
settings = Settings.model_validate_json(sys.argv[1])
BigQueryPublication.publish = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
steps.publish_day(settings, date.fromisoformat(sys.argv[2]))
"""


def test_killed_between_load_and_publish_a_repeated_step_finds_its_jobs(cloud_shop: CloudShop) -> None:
    steps.extract_day(cloud_shop.settings, DAY)
    settings = cloud_shop.settings.model_copy(update={"source_url": None})
    command = [sys.executable, "-c", KILLED, settings.model_dump_json(), DAY.isoformat()]
    killed = subprocess.run(command, env={**os.environ, **cloud_shop.cloud.environment()}, timeout=120, check=False)
    assert killed.returncode == -signal.SIGKILL
    loads = cloud_shop.loads()
    assert len(loads) == 2
    assert cloud_shop.visible() == []

    steps.publish_day(cloud_shop.settings, DAY)

    assert cloud_shop.loads() == loads
    assert cloud_shop.audit().equal


def test_what_was_loaded_waits_when_bigquery_goes_away(cloud_shop: CloudShop, monkeypatch: pytest.MonkeyPatch) -> None:
    steps.extract_day(cloud_shop.settings, DAY)

    def away(*_: object) -> None:
        raise TransientError("away")

    monkeypatch.setattr(BigQueryPublication, "publish", away)
    with pytest.raises(TransientError):
        steps.publish_day(cloud_shop.settings, DAY)
    monkeypatch.undo()
    loads = cloud_shop.loads()

    steps.publish_day(cloud_shop.settings, DAY)

    assert cloud_shop.loads() == loads
    assert cloud_shop.audit().equal


def test_an_outcome_that_got_lost_is_found_again(cloud_shop: CloudShop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The transaction goes on without its run. The next run reads a ledger that it has not reached yet, and waits."""
    steps.extract_day(cloud_shop.settings, DAY)
    script = Jobs.script

    def cut_off(jobs: Jobs, statements: str, known_as: str, step: str) -> None:
        raise RetryError("no answer", ConnectionError())

    monkeypatch.setattr(Jobs, "script", cut_off)
    with pytest.raises(TransientError, match="no answer"):
        steps.publish_day(cloud_shop.settings, DAY)

    def late(jobs: Jobs, statements: str, known_as: str, step: str) -> object:
        script(jobs, statements, known_as, step)[0].result()
        return script(jobs, statements, known_as, step)

    monkeypatch.setattr(Jobs, "script", late)
    report = steps.publish_day(cloud_shop.settings, DAY)

    assert report.partitions == {"customer": 1, "sale": 6}
    assert cloud_shop.audit().equal
    assert cloud_shop.warehouse("select count(*) from staging.sale") == [(60,)]


def test_another_publication_meanwhile_is_noticed(cloud_shop: CloudShop, monkeypatch: pytest.MonkeyPatch) -> None:
    cloud_shop.sync()
    cloud_shop.execute("update ecommerce.sale set amount = 0 where sale_id = 3")
    steps.extract_day(cloud_shop.settings, DAY)
    script = Jobs.script

    def overtaken(jobs: Jobs, statements: str, known_as: str, step: str) -> object:
        cloud_shop.warehouse("update staging._ledger set sequence = sequence + 1 where table_name = 'customer'")
        return script(jobs, statements, known_as, step)

    monkeypatch.setattr(Jobs, "script", overtaken)
    with pytest.raises(TransientError, match="the ledger changed while this run worked"):
        steps.publish_day(cloud_shop.settings, DAY)

    assert cloud_shop.warehouse("select amount from staging.sale where sale_id = 3") != [(0,)]


def test_a_script_that_failed_does_not_keep_the_next_one_back(
    cloud_shop: CloudShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps.extract_day(cloud_shop.settings, DAY)
    script = Jobs.script

    def spoiled(jobs: Jobs, statements: str, known_as: str, step: str) -> object:
        return script(jobs, "select error('out of order')", known_as, step)

    monkeypatch.setattr(Jobs, "script", spoiled)

    def away(publication: BigQueryPublication) -> None:
        """Leave what was loaded where it is, as a run that was killed would."""

    monkeypatch.setattr(BigQueryPublication, "discard", away)
    with pytest.raises(Exception, match="refuses"):
        steps.publish_day(cloud_shop.settings, DAY)
    monkeypatch.undo()

    steps.publish_day(cloud_shop.settings, DAY)

    assert cloud_shop.audit().equal


@pytest.mark.parametrize("name", ["customer", "sale"])
def test_a_table_that_somebody_dropped_comes_again_though_nothing_of_it_changed(
    cloud_shop: CloudShop, name: str
) -> None:
    cloud_shop.sync()
    cloud_shop.cloud.bigquery().delete_table(f"staging.{name}")

    assert set(cloud_shop.sync().publish.partitions) == {name}
    assert cloud_shop.audit().equal


def test_a_table_that_somebody_drops_during_a_run_is_named_and_comes_again(
    cloud_shop: CloudShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud_shop.sync()
    cloud_shop.execute("update ecommerce.customer set name = 'X' where customer_id = 1")
    steps.extract_day(cloud_shop.settings, DAY)
    load = BigQueryPublication.load

    def dropping(self: BigQueryPublication, table: Table, objects: Sequence[LakeObject], lake: Lake) -> None:
        load(self, table, objects, lake)
        cloud_shop.cloud.bigquery().delete_table("staging.sale")

    monkeypatch.setattr(BigQueryPublication, "load", dropping)
    with pytest.raises(DataError, match=r"staging\.sale in BigQuery is gone"):
        steps.publish_day(cloud_shop.settings, DAY)
    monkeypatch.undo()

    assert cloud_shop.sync().publish.partitions == {"customer": 1, "sale": 6}
    assert cloud_shop.audit().equal


@pytest.mark.parametrize("name", ["customer", "sale"])
def test_killed_while_a_dropped_table_is_made_again_it_is_not_taken_for_published(
    cloud_shop: CloudShop, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """BigQuery makes tables outside of transactions: an empty one is there, and the ledger must not speak for it."""
    cloud_shop.sync()
    cloud_shop.cloud.bigquery().delete_table(f"staging.{name}")

    def cut_off(*_: object) -> None:
        raise TransientError("away")

    monkeypatch.setattr(Transactions, "publish", cut_off)
    with pytest.raises(TransientError):
        cloud_shop.sync()
    monkeypatch.undo()
    assert name in cloud_shop.tables("staging")

    cloud_shop.sync()

    assert cloud_shop.audit().equal


def test_killed_while_a_table_is_replaced_the_next_run_brings_it_with_all_its_history(
    cloud_shop: CloudShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud_shop.sync()
    cloud_shop.execute("alter table ecommerce.sale add column channel text not null default 'web'")
    cloud_shop.catalog(lambda tables: tables["sale"]["columns"].update(channel="text not null"))

    def cut_off(*_: object) -> None:
        raise TransientError("away")

    monkeypatch.setattr(Tables, "replace", cut_off)
    with pytest.raises(TransientError):
        cloud_shop.sync()
    monkeypatch.undo()
    assert {partition.table for partition in cloud_shop.opened().ledger()} == {"customer"}

    assert cloud_shop.sync().publish.partitions == {"sale": 6}
    assert cloud_shop.audit().equal


def test_a_table_that_a_killed_run_left_to_expire_is_kept(cloud_shop: CloudShop) -> None:
    """A copy of a table that goes away by itself may do so too, until it is told not to."""
    cloud_shop.sync()
    left = cloud_shop.table("staging.customer")
    left.expires = datetime.now(UTC) + timedelta(hours=1)
    cloud_shop.cloud.bigquery().update_table(left, ["expires"])
    cloud_shop.execute("update ecommerce.customer set name = 'somebody' where customer_id = 3")

    cloud_shop.sync()

    assert cloud_shop.table("staging.customer").expires is None


def test_a_lost_ledger_leaves_no_row_behind_that_the_source_has_lost(cloud_shop: CloudShop) -> None:
    cloud_shop.sync()
    cloud_shop.cloud.bigquery().delete_table("staging._ledger")
    cloud_shop.execute("delete from ecommerce.sale where created_at < '2025-01-07Z'")

    cloud_shop.sync()  # and nobody is asked: nothing says any more what was published

    assert cloud_shop.audit().equal


def test_no_request_waits_for_ever(cloud_shop: CloudShop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that a router has forgotten brings neither an answer nor an error."""
    waits: list[tuple[object, str]] = []
    send = HTTPAdapter.send

    def watched(adapter: HTTPAdapter, request: PreparedRequest, **more: Any) -> Response:
        waits.append((more["timeout"], f"{request.method} {request.url}"))
        return send(adapter, request, **more)

    cloud_shop.sync()
    cloud_shop.execute("update ecommerce.sale set amount = 0 where sale_id = 3")
    monkeypatch.setattr(HTTPAdapter, "send", watched)
    cloud_shop.sync()
    assert cloud_shop.opened().row_counts()

    assert len(waits) > 50
    assert [request for wait, request in waits if not wait] == []
