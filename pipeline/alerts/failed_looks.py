"""Looks that fail: a sentinel that cannot look sees nothing wrong, so that it cannot is a trouble of its own.

A login that is refused, or an answer of another shape since Airflow was upgraded, does not pass by itself.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import select

from pipeline.alerts.alert import Alert
from pipeline.alerts.outbox import Outbox
from pipeline.alerts.outbox_tables import TROUBLES
from pipeline.alerts.routing import Routing
from pipeline.alerts.troubles import Trouble, note

WATCHER = "looks"
# What passes by itself has passed by then.
FAILS_FOR = timedelta(minutes=5)
# How the topics of servers that are down begin.
SERVERS = "server "

_WHAT_TO_DO = """If a login is refused: start the sentinel with the settings that Airflow was started with.
Else Airflow may have been upgraded, and answer otherwise than it did; the sentinel's log says since when."""


def note_failed_looks(
    outbox: Outbox, routing: Routing, errors: Mapping[str, str], now: datetime | None = None
) -> list[Alert]:
    """Note the looks that failed last time: what each died of, by its name. Returns the alerts this leads to.

    While a server is down, it may be why they fail, and people hear of that: what fails then has no say.

    Raises:
        StepError: the outbox cannot be used.
    """
    if errors and _a_server_is_down(outbox):
        return []
    return note(outbox, WATCHER, [_trouble(name, error) for name, error in errors.items()], routing, now)


def _a_server_is_down(outbox: Outbox) -> bool:
    down = select(TROUBLES.c.topic).where(TROUBLES.c.topic.startswith(SERVERS))
    with outbox.transaction() as connection:
        return connection.execute(down).first() is not None


def _trouble(name: str, error: str) -> Trouble:
    return Trouble(
        topic=f"look {name}",
        title=f"BLIND the sentinel's look at {name} fails",
        sections=(
            ("Error", error),
            ("What to do", _WHAT_TO_DO),
            ("What it means", "What this look would find, nobody hears of. tillroll status shows the others."),
        ),
        patience=FAILS_FOR,
    )
