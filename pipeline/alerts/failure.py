"""A failure: what one mail is about."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256


@dataclass(frozen=True, slots=True)
class Failure:
    """One task that failed for good. Texts are masked by whoever builds it; times are aware.

    `error` is the exception's class; `traceback` its last lines; `remedy` what the exception says should be done;
    `guidance` what the DAG's page says; `log_url` leads to the task's log.
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

    @property
    def key(self) -> str:
        """16 hex digits that name this failure, however often it is reported."""
        return sha256("\n".join([self.dag, self.task, self.run, str(self.attempt)]).encode()).hexdigest()[:16]
