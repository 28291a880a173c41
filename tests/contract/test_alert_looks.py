"""The sentinel's looks at an Airflow that answers over HTTP: who is asked, how often, and what people hear of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pretended_airflow import PretendedAirflow, pretended_airflow
from pydantic import SecretStr

from pipeline.airflow_support.airflow_troubles import FILES
from pipeline.airflow_support.sentinel import looks_of, wrong_rules, wrong_settings
from pipeline.alerts.outbox import Outbox
from pipeline.alerts.routing import Routing
from pipeline.alerts.sentinel import OWN
from pipeline.alerts.troubles import topics
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


def test_rules_that_are_wrong_are_a_trouble_until_they_are_right(settings: Settings, tmp_path: Path) -> None:
    rules = tmp_path / "alerts.yml"
    rules.write_text("routes: [{name: analysts, channels: [slack]}]")
    ruled = settings.model_copy(update={"alerts": rules})

    (trouble,) = wrong_rules(ruled)
    assert "there is no channel 'slack'" in dict(trouble.sections)["What is wrong"]
    rules.write_text("")
    assert wrong_rules(ruled) == []
    (unknown,) = wrong_rules(ruled.model_copy(update={"alert_urls": SecretStr("slakc://secret-token")}))
    assert "'slakc'" in dict(unknown.sections)["What is wrong"]
    assert "secret-token" not in str(unknown)


def test_a_broken_file_is_seen_however_many_there_are(settings: Settings, airflow: PretendedAirflow) -> None:
    seen = {"bundle_name": "theirs", "timestamp": "2025-01-04T00:00:00Z", "stack_trace": "SyntaxError"}
    airflow.lists["import_errors"] = [{**seen, "filename": f"dag{number}.py"} for number in range(120)]
    outbox = Outbox.of(settings.data)

    looks_of(settings)["DAG files"](outbox, MAIL)

    assert len(topics(outbox, FILES)) == 120


def test_a_wrong_setting_is_a_trouble_that_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert wrong_settings() == []
    monkeypatch.setenv("TILLROLL_WORKERS", "a-few")

    (trouble,) = wrong_settings()

    assert "TILLROLL_WORKERS" in dict(trouble.sections)["What is wrong"]
    assert "a-few" not in str(trouble)


def test_no_look_has_the_name_of_what_the_sentinel_does_itself(settings: Settings) -> None:
    """The error of one would be taken for the end of the other's."""
    assert set(looks_of(settings)) & set(OWN) == set()
