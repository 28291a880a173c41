"""The sentinel's process: what it looks after in this installation.

    python -m pipeline.airflow_support.sentinel

watches until it is told to stop.
"""

import logging
import os
import shutil
import signal
import threading
from collections.abc import Callable, Collection, Iterable
from datetime import UTC, datetime, time, timedelta
from functools import cache, partial

from pipeline.airflow_support.airflow_troubles import (
    FILES,
    broken_files,
    day_of_topic,
    late_days,
)
from pipeline.airflow_support.api import AirflowApi
from pipeline.airflow_support.chain import chain_of
from pipeline.airflow_support.failure_context import settings_for_alert
from pipeline.airflow_support.recoveries import find_recoveries
from pipeline.airflow_support.runs import api_of
from pipeline.airflow_support.starting import servers_watch
from pipeline.airflow_support.stuck_tasks import stuck_tasks
from pipeline.airflow_support.unheard import unheard_failures
from pipeline.alerts.channels import channels_of
from pipeline.alerts.heartbeat import Heartbeat
from pipeline.alerts.masking import mask, secrets_of
from pipeline.alerts.outbox import Outbox
from pipeline.alerts.routing import Routing
from pipeline.alerts.routing_file import load_routing
from pipeline.alerts.sentinel import Look, watch
from pipeline.alerts.troubles import Trouble, note, topics
from pipeline.embedded.airflow_environment import schedule_from
from pipeline.embedded.health import Health, airflow_health
from pipeline.embedded.keeper import die_with_parent
from pipeline.errors import ConfigurationError, TransientError
from pipeline.settings import Settings

logger = logging.getLogger(__name__)

FAILURES = "sentinel"
DAYS = "days"
# Seconds that Airflow may take for an answer: a round of looks must not take long when it gives none.
ANSWER_S = 5.0
# Failures are looked for again so far back: a run may end before its end is written.
OVERLAP = timedelta(minutes=10)
SMALLEST_SHARE = 0.05
# A file that is being saved may be wrong for a moment.
WRONG_FOR = timedelta(seconds=30)


def looks_of(settings: Settings) -> dict[str, Look]:
    """Everything the sentinel looks after, by name."""
    airflow, down = _asked_by_one(settings), servers_watch(settings)
    looks: dict[str, Look] = {
        "disk": _noting(settings, "disk", lambda: full_disk(settings)),
        "Airflow's web server": _noting(settings, "web", lambda: down(_of_airflow(settings, slice(0, 1)))),
        "Airflow's database": _noting(settings, "database", lambda: down(_of_airflow(settings, slice(1, 2)))),
        "Airflow's other servers": _noting(settings, "servers", lambda: down(_of_airflow(settings, slice(2, None)))),
        "DAG files": _asking(settings, airflow, FILES, broken_files),
        "waiting tasks": _asking(settings, airflow, "queue", stuck_tasks),
        "who hears of what": _noting(settings, "rules", lambda: wrong_rules(settings)),
        "settings": _noting(settings, "settings", cache(wrong_settings)),
        "heartbeat": Heartbeat(settings),
        "failures": lambda outbox, routing: find_failures(settings, airflow(), outbox, routing),
        "recoveries": lambda outbox, routing: find_recoveries(airflow(), outbox, routing),
    }
    if settings.fresh_by is not None:
        fresh_by = settings.fresh_by
        looks["late days"] = lambda outbox, routing: find_late_days(settings, airflow(), fresh_by, outbox, routing)
    return looks


def full_disk(settings: Settings) -> list[Trouble]:
    """The disk of the data folder, where less than a twentieth of it is free."""
    disk = shutil.disk_usage(settings.data)
    if disk.free >= disk.total * SMALLEST_SHARE:
        return []
    free = f"{disk.free / 1e9:.1f} of {disk.total / 1e9:.1f} GB are free"
    remedy = "Runs fail once it is full; nothing is published in part then. The runbook says what may go."
    title = f"DISK of {settings.data} is nearly full"
    return [Trouble("disk", title, (("Disk", free),), (("What to do", remedy),), severity="critical")]


def wrong_rules(settings: Settings) -> list[Trouble]:
    """What is wrong with the rules on who hears of what, or with the channels. All go to TILLROLL_ALERT_TO then."""
    try:
        load_routing(settings, channels_of(settings))
    except ConfigurationError as error:
        title, to_do = (
            "WRONG: alerts do not go to whom they were meant to",
            "`tillroll doctor` says whether it is right.",
        )
        sections = (("What is wrong", error.message), ("What to do", f"{error.remedy}\n{to_do}"))
        return [Trouble("rules on alerts", title, sections=sections, patience=WRONG_FOR)]
    return []


def wrong_settings() -> list[Trouble]:
    """A setting that is wrong, as it was when the sentinel was started: it has the default for that one."""
    try:
        Settings.load()
    except ConfigurationError as error:
        title, to_do = "WRONG a setting of the sentinel", "Then start the sentinel again: it has the default now."
        sections = (("What is wrong", error.message), ("What to do", f"{error.remedy}\n{to_do}"))
        return [Trouble("settings", title, sections=sections, patience=WRONG_FOR)]
    return []


def find_failures(settings: Settings, api: AirflowApi, outbox: Outbox, routing: Routing) -> None:
    """Record the failures that no callback reported. Raises TransientError."""
    now = datetime.now(UTC)
    since = outbox.looked_until(FAILURES, now)
    hide = partial(mask, secrets=secrets_of(settings))
    for failure in unheard_failures(api, since - OVERLAP, now, outbox.is_known):
        logger.warning("nobody reported: %s.%s for %s", failure.dag, failure.task, failure.day)
        outbox.record(failure.alert().told(hide), FAILURES, routing)
    outbox.looked(FAILURES, now)


def _noting(settings: Settings, watcher: str, troubles: Callable[[], Collection[Trouble]]) -> Look:
    def look(outbox: Outbox, routing: Routing) -> None:
        _note(settings, outbox, watcher, troubles(), routing)

    return look


def _asking(
    settings: Settings,
    airflow: Callable[[], AirflowApi],
    watcher: str,
    troubles: Callable[[AirflowApi], Collection[Trouble]],
) -> Look:
    """What does not answer has no say: nothing begins and nothing is over then."""

    def look(outbox: Outbox, routing: Routing) -> None:
        _note(settings, outbox, watcher, troubles(airflow()), routing)

    return look


def _of_airflow(settings: Settings, which: slice) -> list[Health]:
    """Those of Airflow's servers. Raises TransientError: one does not answer that knows of them."""
    servers = airflow_health(settings)
    for server in servers[: which.start]:
        if not server.ok:
            raise TransientError(f"they are not known while {server.server} does not answer")
    return servers[which]


def find_late_days(settings: Settings, api: AirflowApi, fresh_by: time, outbox: Outbox, routing: Routing) -> None:
    """Note the days that are not published in time. Raises TransientError."""
    first, now = schedule_from(settings), datetime.now(UTC)
    missed = [day_of_topic(topic) for topic in topics(outbox, DAYS)]
    _note(settings, outbox, DAYS, late_days(api, chain_of(settings), first, fresh_by, now, missed), routing)


def _asked_by_one(settings: Settings) -> Callable[[], AirflowApi]:
    """Airflow, as every look asks it: signed in once, and by somebody who has other things to look after.

    It is made at the first look: what keeps it from being made now may not keep a sentinel from starting.
    """
    return cache(lambda: api_of(settings, timeout=ANSWER_S, patience=0.0))


def _note(settings: Settings, outbox: Outbox, watcher: str, troubles: Iterable[Trouble], routing: Routing) -> None:
    hide = partial(mask, secrets=secrets_of(settings))
    note(outbox, watcher, [trouble.told(hide) for trouble in troubles], routing)


def main() -> None:
    """Watch until the process is told to stop."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)  # a line for every request
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    die_with_parent(signal.SIGTERM, os.getppid())
    settings = settings_for_alert()
    logger.info("watching; the outbox is in %s", settings.data / "alerts")
    watch(settings, stop, looks_of(settings))


if __name__ == "__main__":
    main()
