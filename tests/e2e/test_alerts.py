"""What Airflow 3.3 loses, with real Airflow and real mail: each failure is heard of once, whoever noticed it."""

import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from installation import Installation, installed

from pipeline.airflow_support.runs import open_api
from pipeline.airflow_support.stuck_tasks import stuck_tasks
from pipeline.alerts.outbox import Entry, Outbox
from pipeline.settings import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

PATIENCE_S = 300.0

TRIALS = """
import os
import signal
import time
from datetime import timedelta
from pathlib import Path

from airflow.sdk import DAG, task

from pipeline.airflow_support.callbacks import alert_failure

OPTIONS = {"schedule": None, "is_paused_upon_creation": False, "default_args": {"on_failure_callback": alert_failure}}


def trial(name, work, **options):
    with DAG(f"trial_{name}", **{**OPTIONS, **options}):
        task(task_id="work")(work)()


def raises():
    if not Path(__file__).with_name("repaired").exists():
        raise ValueError("the password=hunter2-hunter2 is wrong")


def is_killed():
    os.kill(os.getpid(), signal.SIGKILL)


def leaves():
    os._exit(3)


trial("raises", raises)
trial("is_of_others", raises, default_args={})  # who know nothing of our callback
trial("is_killed", is_killed)
trial("leaves", leaves)
with DAG("trial_waits", **OPTIONS):
    task(task_id="work", pool="closed")(raises)()

trial("takes_too_long", lambda: time.sleep(600), dagrun_timeout=timedelta(seconds=5))
"""
TITLES = (
    "FAILED trial_raises.work for no day",
    "FAILED trial_is_of_others.work for no day",
    "FAILED trial_is_killed.work for no day",
    "FAILED trial_leaves.work for no day",
    "FAILED trial_takes_too_long.(the whole run) for no day",
)
WAITS = "STUCK trial_waits.work waits for the pool closed"
# Airflow only parses a file that speaks of DAGs and of itself.
BROKEN = "from airflow.sdk import DAG\ndef broken(:\n"


@pytest.fixture(scope="module")
def trials(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of DAG files beside the five."""
    folder = tmp_path_factory.mktemp("trials")
    (folder / "trials.py").write_text(TRIALS)
    (folder / "broken.py").write_text(BROKEN)
    return folder


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory, trials: Path) -> Iterator[Installation]:
    bundles = [
        {
            "name": name,
            "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle",
            "kwargs": {"path": str(path), "refresh_interval": 5},
        }
        for name, path in (("dags-folder", ROOT / "airflow" / "dags"), ("trials", trials))
    ]
    own = {
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(bundles),
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "5",
    }
    with installed(tmp_path_factory.mktemp("alerts"), own) as installation:
        with open_api(installation.settings) as api:
            for dag in sorted(re.findall(r"trial_\w+", " ".join(TITLES))):
                wait_for(lambda dag=dag: dag in {d["dag_id"] for d in api.get_all("/dags", "dags")})  # type: ignore[misc]
                api.post(f"/dags/{dag}/dagRuns", {"logical_date": None})
        yield installation


def wait_for(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(1)


def heard(installation: Installation, title: str) -> int:
    """How many mails say so. Alerts that come together are one mail, which names each."""
    texts = [mail.get_body(("plain",)).get_content() for mail in installation.mails()]  # type: ignore[union-attr]
    return sum(title in text for text in texts)


def test_every_failure_is_heard_of_once(installation: Installation) -> None:
    wait_for(lambda: all(heard(installation, title) for title in TITLES))
    time.sleep(15)  # a second mail would come with the next look

    assert {title: heard(installation, title) for title in TITLES} == dict.fromkeys(TITLES, 1)


def test_the_listener_speaks_for_dags_without_our_callback_and_for_runs(installation: Installation) -> None:
    first = {entry.alert.dag: entry.recorded_by for entry in outbox(installation) if entry.alert.title in TITLES}

    assert (first["trial_is_of_others"], first["trial_takes_too_long"]) == ("listener", "listener")


@pytest.mark.long
def test_what_was_repaired_and_cleared_is_heard_of_in_the_same_thread(installation: Installation, trials: Path) -> None:
    wait_for(lambda: heard(installation, "FAILED trial_raises.work for no day") == 1)
    (trials / "repaired").touch()
    with open_api(installation.settings) as api:
        (run,) = api.get("/dags/trial_raises/dagRuns")["dag_runs"]
        clear = {"dry_run": False, "only_failed": True, "reset_dag_runs": True, "dag_run_id": run["dag_run_id"]}
        api.post("/dags/trial_raises/clearTaskInstances", clear)
    wait_for(lambda: heard(installation, "RESOLVED trial_raises.work for no day") == 1)

    (failed,) = [entry for entry in outbox(installation) if entry.alert.title == "FAILED trial_raises.work for no day"]
    (over,) = [entry for entry in outbox(installation) if entry.alert.follows == failed.alert.key]
    assert over.alert.title == "RESOLVED trial_raises.work for no day"
    assert failed.resolved_at == over.alert.raised_at


def test_a_task_whose_pool_is_full_is_seen_to_wait_for_it(installation: Installation) -> None:
    with open_api(installation.settings) as api:
        api.post("/pools", {"name": "closed", "slots": 0})
        api.post("/dags/trial_waits/dagRuns", {"logical_date": None})
        wait_for(lambda: WAITS in {trouble.title for trouble in stuck_tasks(api)})


def outbox(installation: Installation) -> list[Entry]:
    return Outbox.of(installation.settings.data).entries()


@pytest.mark.long
def test_a_file_that_does_not_parse_is_heard_of_and_so_is_its_repair(installation: Installation, trials: Path) -> None:
    wait_for(lambda: heard(installation, "BROKEN DAG file broken.py") == 1)
    (trials / "broken.py").write_text("from airflow.sdk import DAG\n")
    wait_for(lambda: heard(installation, "RESOLVED BROKEN DAG file broken.py") == 1)


def test_no_mail_shows_a_secret(installation: Installation) -> None:
    assert installation.mails()
    assert not [mail for mail in installation.mails() if "hunter2" in mail.as_string()]
