"""The lock in BigQuery: one writer at a time, whoever is killed, and nobody goes on who has lost it."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from cloud_shop import CloudShop
from emulated_cloud import EmulatedCloud
from google.api_core.retry import Retry
from google.cloud import bigquery
from small_shop import DAY

from pipeline import steps
from pipeline.errors import TransientError
from pipeline.google_errors import RETRY
from pipeline.google_resources import dataset
from pipeline.warehouse import bigquery_lock_holder
from pipeline.warehouse.bigquery_lock import Lease
from pipeline.warehouse.bigquery_lock_holder import Holder, _began, describe
from pipeline.warehouse.bigquery_publication import BigQueryPublication

pytestmark = pytest.mark.slow

LOCK = "staging_audit.lock"


def lease(cloud: EmulatedCloud, **times: float) -> Lease:
    client = cloud.bigquery()
    client.create_dataset("staging_audit", exists_ok=True)
    table = bigquery.DatasetReference(cloud.project, "staging_audit").table("lock")
    return Lease(client, table, dataset(cloud.project, "staging_audit", "EU"), **{"timeout_s": 0.5, **times})


def planted(cloud: EmulatedCloud, holder: Holder) -> None:
    """A lock that `holder` took and never gave back."""
    client = cloud.bigquery()
    client.create_dataset("staging_audit", exists_ok=True)
    table = bigquery.Table(f"{cloud.project}.{LOCK}")
    table.description, table.labels = "process 1 on elsewhere", holder.labels
    client.create_table(table)


@contextmanager
def ended_process() -> Iterator[str]:
    """The number of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    yield str(process.pid)


def test_a_second_writer_waits_for_the_first(cloud: EmulatedCloud) -> None:
    order: list[str] = []
    taken = threading.Event()

    def first() -> None:
        with lease(cloud).held():
            taken.set()
            time.sleep(0.5)
            order.append("first")

    thread = threading.Thread(target=first)
    thread.start()
    taken.wait()
    with lease(cloud, timeout_s=20).held():
        order.append("second")
    thread.join()

    assert order == ["first", "second"]


def test_a_writer_that_does_not_come_to_an_end_is_named(cloud: EmulatedCloud) -> None:
    named = pytest.raises(TransientError, match=r"had the warehouse for 0 s: process \d+ on ")
    with lease(cloud).held(), named, lease(cloud, timeout_s=0.4).held():
        pass


def test_the_lock_is_given_back_after_an_error(cloud: EmulatedCloud) -> None:
    with pytest.raises(KeyError), lease(cloud).held():
        raise KeyError
    with lease(cloud).held():
        pass


def test_the_lock_of_a_process_that_was_killed_here_is_taken_over(cloud: EmulatedCloud) -> None:
    with ended_process() as process:
        planted(cloud, replace(Holder.new(), process=process))
        with lease(cloud).held():
            assert cloud.bigquery().get_table(LOCK).description.startswith("process ")
            assert "elsewhere" not in cloud.bigquery().get_table(LOCK).description


@pytest.mark.parametrize("unlike", [{"machine": "another"}, {"machine": ""}, {}])
def test_the_lock_of_a_process_that_may_live_is_not(cloud: EmulatedCloud, unlike: dict[str, Any]) -> None:
    planted(cloud, replace(Holder.new(), **unlike))

    with pytest.raises(TransientError, match="process 1 on elsewhere"), lease(cloud).held():
        pass


def test_a_process_of_the_same_number_is_another(cloud: EmulatedCloud) -> None:
    planted(cloud, replace(Holder.new(), began="1"))

    with lease(cloud).held():
        pass


def test_a_process_that_nobody_has_buried_holds_no_lock(cloud: EmulatedCloud) -> None:
    """Killed in a container whose first process buries nobody, it stays in the kernel's list for good."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as process:
        alive = replace(Holder.new(), process=str(process.pid), began=_began(str(process.pid)))
        assert not alive.is_gone
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert alive.is_gone


def test_a_process_that_cannot_be_seen_may_live(monkeypatch: pytest.MonkeyPatch) -> None:
    """`/proc` mounted with hidepid shows nobody the processes of others."""
    seen = bigquery_lock_holder._status
    monkeypatch.setattr(bigquery_lock_holder, "_status", lambda process: [] if process == "1" else seen(process))

    assert not replace(Holder.new(), process="1", began="5").is_gone


def test_a_lease_that_ran_out_is_free(cloud: EmulatedCloud) -> None:
    """Its holder is on another machine, and asleep: nobody can see whether it lives."""
    with lease(cloud, lease_s=1, beat_s=60).held(), lease(cloud, timeout_s=20).held():
        pass


def test_a_holder_that_lives_keeps_its_lock(cloud: EmulatedCloud) -> None:
    with lease(cloud, lease_s=1.5, beat_s=0.2).held():
        time.sleep(2)
        with pytest.raises(TransientError), lease(cloud).held():
            pass


def test_a_holder_that_lost_its_lock_is_told_and_leaves_the_next_ones_alone(cloud: EmulatedCloud) -> None:
    client = cloud.bigquery()
    mine = lease(cloud, beat_s=60)
    with mine.held():
        mine.require()
        client.delete_table(LOCK)
        planted(cloud, replace(Holder.new(), machine="another"))
        with pytest.raises(TransientError, match="its lock ran out"):
            mine.require()
    assert client.get_table(LOCK).description == "process 1 on elsewhere"


def test_nobody_is_asked_for_a_lock_that_lasts_for_sure(cloud: EmulatedCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    mine, began = lease(cloud, beat_s=60), time.clock_gettime(time.CLOCK_BOOTTIME)
    with mine.held():
        cloud.bigquery().delete_table(LOCK)
        mine.require_unless_sure()
        monkeypatch.setattr(time, "clock_gettime", lambda _: began + 1_000)
        for _ in range(2):
            with pytest.raises(TransientError, match="its lock ran out"):
                mine.require_unless_sure()


def test_nobody_hangs_on_a_lock_that_cannot_be_renewed(cloud: EmulatedCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Google's client would ask for ten minutes, and who leaves a lock waits for its thread."""
    request = bigquery.Client._call_api

    def away(client: bigquery.Client, retry: Retry, **call: Any) -> Any:
        def failing(**_: object) -> None:
            raise ConnectionError

        return retry(failing)() if call.get("method") == "PATCH" else request(client, retry, **call)

    monkeypatch.setattr("pipeline.warehouse.bigquery_lock.RETRY", RETRY.with_timeout(1))
    mine = lease(cloud)
    with mine.held():
        monkeypatch.setattr(bigquery.Client, "_call_api", away)
        with pytest.raises(TransientError, match="no answer from Google"):
            mine.require()
        monkeypatch.undo()


def test_an_answer_that_got_lost_does_not_lock_its_asker_out(cloud: EmulatedCloud) -> None:
    mine = lease(cloud)
    planted(cloud, mine._holder)

    with mine.held():
        pass


def test_a_publication_that_lost_the_lock_publishes_nothing(
    cloud_shop: CloudShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    fingerprints = BigQueryPublication.fingerprints

    def cut_off(self: BigQueryPublication, table: Any) -> Any:
        cloud_shop.cloud.bigquery().delete_table(LOCK, not_found_ok=True)
        return fingerprints(self, table)

    monkeypatch.setattr(BigQueryPublication, "fingerprints", cut_off)
    with pytest.raises(TransientError, match="its lock ran out"):
        cloud_shop.sync()

    assert cloud_shop.visible() == []
    monkeypatch.undo()
    cloud_shop.sync()
    assert cloud_shop.audit().equal


def test_nothing_is_recorded_without_the_lock(cloud_shop: CloudShop) -> None:
    cloud_shop.sync()
    warehouse = cloud_shop.opened()
    with warehouse.lock():
        cloud_shop.cloud.bigquery().delete_table(LOCK)
        with pytest.raises(TransientError, match="its lock ran out"):
            warehouse.record_transformed(warehouse.ledger().values())
    assert not warehouse.transformed()


def test_the_lock_is_taken_once_however_deep(cloud_shop: CloudShop) -> None:
    warehouse = cloud_shop.opened()
    with warehouse.lock(), warehouse.lock(), warehouse.publication() as publication:
        assert not publication.ledger()
        assert cloud_shop.tables("staging_audit") == ["lock"]
    assert cloud_shop.tables("staging_audit") == []


def test_a_publication_waits_for_another(cloud_shop: CloudShop) -> None:
    steps.extract_day(cloud_shop.settings, DAY)
    reports: list[Any] = []
    threads = [
        threading.Thread(target=lambda: reports.append(steps.publish_day(cloud_shop.settings, DAY))) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(len(report.partitions) for report in reports) == [0, 2]
    assert cloud_shop.audit().equal


def test_the_holder_says_who_it_is() -> None:
    assert Holder.of(Holder.new().labels | {"more": "x"}).process in describe()
    assert not Holder.new().is_gone
    assert not Holder.of({}).is_gone
