"""A look that fails for good is heard of, unless a server that is down explains it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipeline.airflow_support.airflow_troubles import servers_down
from pipeline.alerts.failed_looks import FAILS_FOR, note_failed_looks
from pipeline.alerts.outbox import Outbox
from pipeline.alerts.routing import Routing
from pipeline.alerts.troubles import note
from pipeline.embedded.health import Health

NOW = datetime(2025, 1, 4, 0, 5, tzinfo=UTC)
BY_MAIL = Routing.to(["mail"])
REFUSED = {"DAG files": "Airflow refuses the login"}
DOWN = servers_down([Health("Airflow web", ok=False, detail="no answer")])


@pytest.fixture
def outbox(tmp_path: Path) -> Outbox:
    return Outbox.of(tmp_path)


def heard(outbox: Outbox, errors: dict[str, str], after: timedelta) -> list[str]:
    return [alert.title for alert in note_failed_looks(outbox, BY_MAIL, errors, NOW + after)]


def test_a_look_that_fails_for_long_is_heard_of_and_its_end_too(outbox: Outbox) -> None:
    for minutes in range(5):
        assert heard(outbox, REFUSED, timedelta(minutes=minutes)) == []
    assert heard(outbox, REFUSED, FAILS_FOR) == ["BLIND the sentinel's look at DAG files fails"]
    assert ("Error", "Airflow refuses the login") in outbox.entries()[0].alert.sections
    assert heard(outbox, {}, 2 * FAILS_FOR) == ["RESOLVED BLIND the sentinel's look at DAG files fails"]


def test_while_a_server_is_down_no_look_has_a_say(outbox: Outbox) -> None:
    for minutes in range(5):
        heard(outbox, REFUSED, timedelta(minutes=minutes))
    note(outbox, "web", DOWN, BY_MAIL, NOW)

    assert heard(outbox, REFUSED, FAILS_FOR) == []
    note(outbox, "web", [], BY_MAIL, NOW)
    assert heard(outbox, REFUSED, FAILS_FOR) != []
    note(outbox, "web", DOWN, BY_MAIL, NOW)
    assert heard(outbox, {**REFUSED, "failures": "no answer"}, 2 * FAILS_FOR) == []  # nor is it over
