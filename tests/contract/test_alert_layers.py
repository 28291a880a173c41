"""What is published, in the mail about a failure: layer by layer, within seconds, or why it is not known."""

import socket
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from airflow_answers import answering

from pipeline.airflow_support import layers
from pipeline.airflow_support.chain import BQ_TRANSFORM_CORE, BQ_TRANSFORM_DATAMART, GCS_TO_BQ_STAGING
from pipeline.airflow_support.layers import published_now
from pipeline.alerts.failure import NO_DAY
from pipeline.settings import Settings

DAY = "2025-01-03"
# The days of the runs that succeeded, in the order in which they ended: the backfill of an old day was last in staging.
# One was begun by hand, and has no day that Airflow knows.
SUCCEEDED: dict[str, list[str | None]] = {
    GCS_TO_BQ_STAGING: ["2025-01-02", DAY, "2024-12-24"],
    BQ_TRANSFORM_CORE: ["2025-01-02", None],
}


def answer(path: str, asked: dict[str, str]) -> Any:
    runs = [
        {"partition_key": day, "end_date": f"2025-01-04T00:{minute:02}:00Z"}
        for minute, day in enumerate(SUCCEEDED.get(path.split("/")[2], []))
        if (day or "").startswith(asked.get("partition_key_prefix_pattern", ""))
    ]
    assert (asked["state"], asked["order_by"]) == ("success", "-end_date")
    return {"dag_runs": list(reversed(runs))[: int(asked["limit"])]}


def settings(folder: Path, url: str) -> Settings:
    return Settings(_env_file=None, data_dir=folder, airflow_api_url=url)


@pytest.fixture
def airflow(tmp_path: Path) -> Iterator[Settings]:
    with answering(answer) as url:
        yield settings(tmp_path, url)


def test_each_layer_says_whether_it_holds_the_day_and_how_far_it_is(airflow: Settings) -> None:
    assert published_now(airflow, BQ_TRANSFORM_CORE, DAY).splitlines() == [
        "Dashboards show the marts, which change all at once or not at all.",
        "- staging: days up to 2025-01-03, since 2025-01-04 00:01 UTC",
        "- core: NOT 2025-01-03; days up to 2025-01-02, since 2025-01-04 00:00 UTC",
        "- marts: nothing yet",
    ]


def test_an_older_day_is_said_to_be_there(airflow: Settings) -> None:
    staging = published_now(airflow, GCS_TO_BQ_STAGING, "2025-01-02").splitlines()[1]

    assert staging == (
        "- staging: 2025-01-02, since 2025-01-04 00:00 UTC; days up to 2025-01-03, since 2025-01-04 00:01 UTC"
    )


def test_without_a_day_there_is_how_far_each_is(airflow: Settings) -> None:
    core = published_now(airflow, BQ_TRANSFORM_DATAMART, NO_DAY).splitlines()[2]

    assert core == "- core: days up to 2025-01-02, since 2025-01-04 00:00 UTC"


def test_somebody_elses_dag_publishes_nothing(airflow: Settings) -> None:
    assert published_now(airflow, "somebody_elses", DAY) == ""


def test_an_airflow_that_does_not_answer_is_said(tmp_path: Path) -> None:
    said = published_now(settings(tmp_path, "http://127.0.0.1:1"), BQ_TRANSFORM_CORE, DAY)

    assert said.startswith("unknown: Airflow does not answer at http://127.0.0.1:1")


def test_an_airflow_that_hangs_keeps_nobody_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layers, "PATIENCE_S", 0.3)
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        began = time.monotonic()
        said = published_now(settings(tmp_path, f"http://127.0.0.1:{silent.getsockname()[1]}"), BQ_TRANSFORM_CORE, DAY)
        assert time.monotonic() - began < 3

    assert said == "unknown: no answer within 0 s"
