"""A failed task, and the alert about it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

from pipeline.alerts.alert import Alert, Pair, Work, written

# In the place of a task, where a run failed and none of its tasks is to blame.
WHOLE_RUN = "(the whole run)"
NO_DAY = "no day"
UNMAPPED = -1


@dataclass(frozen=True, slots=True)
class Failure:
    """One task that failed for good, or a run. Texts are masked by whoever builds it; times are aware.

    `error` is the exception's class; `traceback` its last lines; `remedy` what the exception says should be done;
    `guidance` what the DAG's page says; `log_url` leads to the task's log; `tags` are the DAG's; `evidence` is what a
    person can paste to see what is wrong; `map_index` says which one it is of a mapped task's; `published` how far each
    layer of the data is; `rerun` is a command that runs it again, where there is one. `instance` is Airflow's id of
    this very try, which no other has, where it is known.
    """

    dag: str
    task: str
    day: str
    run: str
    attempt: int
    error: str
    message: str
    traceback: str
    remedy: str
    guidance: str
    started_at: datetime | None
    failed_at: datetime
    log_url: str
    tags: tuple[str, ...] = ()
    evidence: str = ""
    map_index: int = UNMAPPED
    published: str = ""
    rerun: str = ""
    instance: str = ""

    @property
    def key(self) -> str:
        """16 hex digits that name this failure, however often it is reported."""
        if self.task == WHOLE_RUN:
            return run_failure_key(self.dag, self.run, self.failed_at)
        return failure_key(self.dag, self.task, self.run, self.attempt, self.map_index, self.instance)

    @property
    def name(self) -> str:
        """The task, and which one of it, for people."""
        return self.task if self.map_index == UNMAPPED else f"{self.task}[{self.map_index}]"

    def alert(self) -> Alert:
        """What somebody has to hear about it."""
        return Alert(
            key=self.key,
            topic=f"{self.dag}.{self.task}",
            title=f"FAILED {self.dag}.{self.name} for {self.day}",
            raised_at=self.failed_at,
            facts=tuple(_facts(self)),
            sections=tuple(_sections(self)),
            work=Work(self.dag, self.task, self.map_index, "" if self.day == NO_DAY else self.day, self.run),
            dag=self.dag,
            tags=self.tags,
        )


def failure_key(dag: str, task: str, run: str, attempt: int, map_index: int = UNMAPPED, instance: str = "") -> str:
    """The key of the alert about a try of a task.

    Airflow's id of the try is a new one for each. Names and numbers come again, where a run was deleted and the clock
    makes another of its name, or where Airflow's database was made anew: they decide only where there is no id.
    """
    if instance:
        return _key(dag, task, instance)
    return _key(dag, task, run, str(attempt), *([] if map_index == UNMAPPED else [str(map_index)]))


def run_failure_key(dag: str, run: str, ended_at: datetime) -> str:
    """The key of the alert about a run. It has no tries: one that was cleared and fails again ends at another time."""
    return _key(dag, WHOLE_RUN, run, f"{ended_at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}")


def _key(*parts: str) -> str:
    return sha256("\n".join(parts).encode()).hexdigest()[:16]


def _facts(failure: Failure) -> Iterator[Pair]:
    yield "DAG", failure.dag
    yield "Task", failure.task if failure.task == WHOLE_RUN else f"{failure.name} (try {failure.attempt})"
    yield "Day", failure.day
    yield "Run", failure.run
    yield "Started", written(failure.started_at) if failure.started_at else "unknown"
    yield "Failed", written(failure.failed_at) + _duration(failure)
    yield "Exception", failure.error
    yield "Log", failure.log_url


def _sections(failure: Failure) -> Iterator[Pair]:
    """What happened, what to do, how to see it, what people see meanwhile, how to retry, where it happened."""
    yield "Error", failure.message or "(the exception has no text)"
    yield "What to do", "\n\n".join(filter(None, [failure.remedy, failure.guidance])) or "Read the log."
    if failure.evidence:
        yield "To see it", failure.evidence
    if failure.published:
        yield "What is published", failure.published
    yield "How to run it again", _retry(failure)
    yield "Traceback, its last lines", failure.traceback or "(none reached the alert: the process may have been killed)"


def _retry(failure: Failure) -> str:
    clear = "Open the log above and press Clear: the task runs again, and what comes after it follows by itself."
    if not failure.rerun:
        return clear
    return f"{clear}\nOr, in a terminal:\n    {failure.rerun}\nRunning a step again is safe: nothing is doubled."


def _duration(failure: Failure) -> str:
    if failure.started_at is None:
        return ""
    return f", after {(failure.failed_at - failure.started_at).total_seconds():.1f} s"
