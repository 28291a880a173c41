"""The sentinel's looks at an Airflow that answers over HTTP: who is asked, how often, and what people hear of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pretended_airflow import PretendedAirflow, pretended_airflow

from pipeline.airflow_support.sentinel import looks_of
from pipeline.alerts.outbox import Outbox
from pipeline.alerts.routing import Routing
from pipeline.settings import Settings

MAIL = Routing.to(["mail"])


@pytest.fixture
def airflow() -> Iterator[PretendedAirflow]:
    with pretended_airflow() as airflow:
        yield airflow


@pytest.fixture
def settings(tmp_path: Path, airflow: PretendedAirflow) -> Settings:
    return Settings(data_dir=tmp_path, airflow_port=8080, airflow_api_url=airflow.url)


def test_all_looks_sign_in_once_and_again_when_they_must(settings: Settings, airflow: PretendedAirflow) -> None:
    outbox, looks = Outbox.of(settings.data), looks_of(settings)
    for _ in range(3):
        for look in looks.values():
            look(outbox, MAIL)
    assert airflow.logins == 1

    airflow.tokens.clear()  # it was started anew, with another secret
    for look in looks.values():
        look(outbox, MAIL)
    assert airflow.logins == 2
