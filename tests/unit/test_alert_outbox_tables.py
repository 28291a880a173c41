"""An outbox that an earlier version made is opened, lacks nothing after that, and has lost nothing."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.alerts.alert import Alert
from pipeline.alerts.outbox import FILE, Outbox
from pipeline.alerts.outbox_tables import METADATA
from pipeline.alerts.routing import Routing
from pipeline.alerts.troubles import Trouble, note

NOW = datetime(2025, 1, 4, tzinfo=UTC)
ALERT = Alert("a1", "disk", "DISK nearly full", NOW, (), ())

# As the first version made them.
FIRST_VERSION = """
create table alert (
    key varchar not null, topic varchar not null, title varchar not null, raised_at datetime not null,
    recorded_at datetime not null, recorded_by varchar not null, acknowledged_at datetime, content varchar not null,
    primary key (key)
);
create index ix_alert_recorded_at on alert (recorded_at);
create table delivery (
    "key" varchar not null, channel varchar not null, tries integer not null, next_try_at datetime not null,
    claimed_until datetime, batch varchar, delivered_at datetime, error varchar not null,
    primary key ("key", channel), foreign key("key") references alert ("key")
);
create table trouble (
    topic varchar not null, watcher varchar not null, title varchar not null, first_seen_at datetime not null,
    last_seen_at datetime not null, alert_key varchar not null, primary key (topic)
);
create table looked (watcher varchar not null, until datetime not null, primary key (watcher));
"""
TIME = "2025-01-04 00:00:00.000000"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder whose outbox is of the first version, with an alert on its way and a trouble that lasts."""
    (tmp_path / "alerts").mkdir()
    with sqlite3.connect(tmp_path / "alerts" / FILE) as connection:
        connection.executescript(FIRST_VERSION)
        connection.execute(
            "insert into alert values ('a1', 'disk', 'DISK nearly full', ?, ?, 'disk', null, ?)",
            [TIME, TIME, ALERT.to_json()],
        )
        connection.execute("insert into delivery values ('a1', 'mail', 0, ?, null, null, null, '')", [TIME])
        connection.execute(
            "insert into trouble values ('disk', 'disk', 'DISK nearly full', ?, ?, 'a1')", [TIME, TIME]
        )  # fmt: skip
    connection.close()
    return tmp_path


def columns(data: Path) -> dict[str, set[str]]:
    connection = sqlite3.connect(data / "alerts" / FILE)
    found = {name: {row[1] for row in connection.execute(f"pragma table_info({name})")} for name in METADATA.tables}
    connection.close()
    return found


def test_an_outbox_of_before_has_every_column_once_many_have_opened_it(data: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(Outbox.of, [data] * 16))

    assert columns(data) == {name: set(table.columns.keys()) for name, table in METADATA.tables.items()}


def test_what_waited_is_sent_and_what_lasted_ends(data: Path) -> None:
    outbox = Outbox.of(data)

    claim = outbox.claim(NOW)
    assert claim is not None
    assert claim.alerts == (ALERT,)
    assert note(outbox, "disk", [Trouble("disk", "DISK nearly full")], Routing.to(["mail"]), NOW) == []
    (over,) = note(outbox, "disk", [], Routing.to(["mail"]), NOW)
    assert over.follows == "a1"
