"""How many alerts are open, as the Health page says it: also where that is not known."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from dashboard.operations import ALERTS, Operations
from pipeline.alerts.alert import Alert
from pipeline.alerts.outbox import Outbox
from pipeline.alerts.routing import Routing
from pipeline.settings import Settings

ALERT = Alert("k", "t", "FAILED gcs_to_bq_staging", datetime(2026, 3, 2, tzinfo=UTC), (), ())


def test_a_full_list_may_not_be_all(tmp_path: Path) -> None:
    settings = Settings(_env_file=None, data_dir=tmp_path, airflow_port=9)
    assert Operations.of(settings).open_alerts == "0"
    for number in range(ALERTS):
        Outbox.of(tmp_path).record(replace(ALERT, key=f"k{number}"), "test", Routing.to([]))

    assert Operations.of(settings).open_alerts == f"{ALERTS}+"


def test_an_outbox_that_cannot_be_read_has_no_number_of_alerts(tmp_path: Path) -> None:
    Outbox.of(tmp_path).record(ALERT, "test", Routing.to([]))
    Outbox.of(tmp_path).path.write_bytes(b"no database" * 1000)

    found = Operations.of(Settings(_env_file=None, data_dir=tmp_path, airflow_port=9))

    assert found.open_alerts == "—"
    assert "cannot use the outbox" in found.outbox_says
