"""What is wrong with Airflow now: a part that is down, a file that does not parse, a late day."""

from collections.abc import Collection, Iterator
from datetime import UTC, date, datetime, time, timedelta

from pipeline.airflow_support.api import AirflowApi
from pipeline.airflow_support.dag_details import details_of
from pipeline.airflow_support.states import SUCCESS, latest
from pipeline.alerts.masking import mask
from pipeline.alerts.troubles import Trouble
from pipeline.days import deadline
from pipeline.embedded.health import Health

# Who looks after the DAG files.
FILES = "files"
# A restart takes seconds; the process manager has tried by then.
DOWN_FOR = timedelta(seconds=60)
# A file that is being saved may be broken for a moment.
BROKEN_FOR = timedelta(seconds=30)
# How many days back a day that never came is still missed.
MISSED_DAYS = 7

_START_IT = """tillroll status shows all servers, tillroll up starts what is down. Logs: data/run/logs.
In containers: docker compose ps, docker compose logs."""


def servers_down(servers: Collection[Health], patience: timedelta = DOWN_FOR) -> list[Trouble]:
    """The servers that do not answer."""
    return [
        Trouble(
            topic=f"server {server.server}",
            title=f"DOWN {server.server}",
            facts=(("Server", server.server), ("Says", mask(server.detail))),
            sections=(
                ("What to do", _START_IT),
                ("What it means", "No run starts or ends while it is down. What is published stays as it is."),
            ),
            patience=patience,
            severity="critical",
        )
        for server in servers
        if not server.ok
    ]


def broken_files(api: AirflowApi) -> list[Trouble]:
    """The DAG files that do not parse. Raises TransientError."""
    return [
        Trouble(
            topic=file_topic(error["bundle_name"], error["filename"]),
            title=file_title(error["filename"]),
            facts=(("File", error["filename"]), ("Seen", error["timestamp"])),
            sections=(
                ("Error", mask(error["stack_trace"].strip())),
                ("What to do", "Repair the file: Airflow goes on with its last good version, or does not run it."),
            ),
            patience=BROKEN_FOR,
        )
        for error in api.get_all("/importErrors", "import_errors")
    ]


def file_topic(bundle: str, filename: str) -> str:
    """The topic of a file that does not parse."""
    return f"file {bundle} {filename}"


def file_title(filename: str) -> str:
    """The title of the alert about it."""
    return f"BROKEN DAG file {filename}"


def late_days(
    api: AirflowApi,
    chain: tuple[str, ...],
    first: date,
    fresh_by: time,
    now: datetime,
    missed: Collection[date] = (),
) -> list[Trouble]:
    """The scheduled days that should be published by now and are not. `fresh_by` is UTC, on the day after each.

    Days of the last week are looked at, and those that were `missed` before, until they come.

    Raises:
        TransientError: Airflow does not answer.
    """
    due = sorted({*_due(first, fresh_by, now), *missed})
    return [_late(api, chain, day, fresh_by) for day in due if not _is_published(api, chain, day)]


def late_topic(day: date) -> str:
    """The topic of a day that is late."""
    return f"day {day.isoformat()}"


def day_of_topic(topic: str) -> date:
    """The day that such a topic is about."""
    return date.fromisoformat(topic.removeprefix("day "))


def _due(first: date, fresh_by: time, now: datetime) -> Iterator[date]:
    today = now.astimezone(UTC).date()
    for back in range(MISSED_DAYS, 0, -1):
        day = today - timedelta(days=back)
        if day >= first and now >= deadline(day, fresh_by):
            yield day


def _is_published(api: AirflowApi, chain: tuple[str, ...], day: date) -> bool:
    asked = {"partition_key_prefix_pattern": day.isoformat(), "state": SUCCESS, "limit": 1}
    return bool(api.get(f"/dags/{chain[-1]}/dagRuns", **asked)["dag_runs"])


def _late(api: AirflowApi, chain: tuple[str, ...], day: date, fresh_by: time) -> Trouble:
    states = latest(api, chain, day).dags
    return Trouble(
        topic=late_topic(day),
        title=f"LATE {day} is not published",
        facts=(("Day", day.isoformat()), ("Due", f"{deadline(day, fresh_by):%Y-%m-%d %H:%M} UTC")),
        sections=(
            ("How far it came", "\n".join(f"{state.dag}: {state.state}" for state in states)),
            (
                "What to do",
                f"tillroll backfill --from {day} --to {day} --reprocess\nIf nothing ran at all: tillroll status.",
            ),
        ),
        dag=chain[-1],
        tags=details_of(api, chain[-1]).tags,
    )
