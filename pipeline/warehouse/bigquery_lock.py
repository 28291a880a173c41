"""A lock where there are none: a table that only one can create.

BigQuery makes a table once and answers everybody else that it is there, so whoever made it has the lock. It is a lease:
the table expires by itself, and while its holder lives a thread puts that off. Requests for tables cost nothing.
Whoever was cut off for longer than the lease must not go on as if nothing had happened: `require` says so.
"""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta

from google.api_core.exceptions import Conflict, NotFound, PreconditionFailed
from google.cloud import bigquery
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random_exponential

from pipeline.errors import TillrollError, TransientError
from pipeline.failpoints import failpoint
from pipeline.google_clients import REQUEST_S
from pipeline.google_errors import RETRY, explained
from pipeline.google_resources import Resource
from pipeline.warehouse.bigquery_lock_holder import Holder, describe

logger = logging.getLogger(__name__)

LEASE_S = 900
BEAT_S = 60
# A little longer than the lease of one that was killed elsewhere.
LOCK_TIMEOUT_S = 960
_LONGEST_PAUSE_S = 15
_RENEWALS = 3


class Lease:
    """The lock `table`, held at most once by this object. `client` is for its thread and nobody else."""

    def __init__(
        self,
        client: bigquery.Client,
        table: bigquery.TableReference,
        resource: Resource,
        *,
        timeout_s: float = LOCK_TIMEOUT_S,
        lease_s: float = LEASE_S,
        beat_s: float = BEAT_S,
    ) -> None:
        self._client, self._table, self._resource = client, table, resource
        self._timeout_s, self._lease_s, self._beat_s = timeout_s, lease_s, beat_s
        self._holder = Holder.new()
        self._ends = 0.0
        self._one_at_a_time = threading.Lock()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock for as long as the context lasts.

        Raises:
            TransientError: another kept it for 16 minutes; the text names it.
        """
        self._take()
        done = threading.Event()
        heart = threading.Thread(target=self._beat, args=(done,), name="bigquery-lock", daemon=True)
        heart.start()
        try:
            yield
        finally:
            done.set()
            heart.join()
            self._give_back()

    def require(self) -> None:
        """See that the lock is still ours, and keep it for a whole lease from now on.

        Raises:
            TransientError: it was lost, so another may be at work.
        """
        with self._one_at_a_time, explained(self._resource), failpoint("bigquery.renew"):
            ours = self._renew()
        if not ours:
            self._ends = 0.0
            raise TransientError(
                "this run was cut off from BigQuery for so long that its lock ran out, and another run may be at work",
                "Run the step again: nothing was published by this one.",
            )

    def require_unless_sure(self) -> None:
        """The same, but nobody is asked while the lease lasts for sure. Raises TransientError."""
        if _now() > self._ends:
            self.require()

    def _take(self) -> None:
        attempts = Retrying(
            retry=retry_if_exception_type(_TakenError),
            wait=wait_random_exponential(multiplier=0.5, max=_LONGEST_PAUSE_S),
            stop=stop_after_delay(self._timeout_s),
            reraise=True,
        )
        try:
            attempts(self._try_to_take)
        except _TakenError as taken:
            raise TransientError(
                f"another run has had the warehouse for {self._timeout_s:.0f} s: {taken}",
                "Wait for it. If it does not run any more, its lock goes away by itself within 15 minutes.",
            ) from None

    def _try_to_take(self) -> None:
        ends = _now() + self._lease_s
        with explained(self._resource), failpoint("bigquery.lock"):
            try:
                self._client.create_table(self._lock(), retry=RETRY, timeout=REQUEST_S)
            except Conflict:
                self._take_over()
        self._ends = ends

    def _take_over(self) -> None:
        """Take the lock of a process that was killed on this machine; or see that an answer got lost, and it is ours.

        Raises:
            _TakenError: somebody has it.
        """
        try:
            found = self._client.get_table(self._table, retry=RETRY, timeout=REQUEST_S)
        except NotFound:
            raise _TakenError("it has just been given back") from None
        holder = Holder.of(found.labels)
        if holder.token == self._holder.token:
            return
        if not holder.is_gone:
            raise _TakenError(found.description or "unknown")
        logger.info("taking over the lock of a run that was killed: %s", found.description)
        wanted = self._lock()
        found.expires, found.description, found.labels = wanted.expires, wanted.description, wanted.labels
        try:
            self._client.update_table(found, ["expires", "description", "labels"], retry=RETRY, timeout=REQUEST_S)
        except (PreconditionFailed, NotFound):
            raise _TakenError("another run, which was faster") from None

    def _renew(self) -> bool:
        """Put the lock's end off; False where it is not ours any more. The etag keeps two from renewing one lock."""
        for _ in range(_RENEWALS):
            ends = _now() + self._lease_s
            try:
                found = self._client.get_table(self._table, retry=RETRY, timeout=REQUEST_S)
                if Holder.of(found.labels).token != self._holder.token:
                    return False
                found.expires = self._expiry()
                self._client.update_table(found, ["expires"], retry=RETRY, timeout=REQUEST_S)
            except NotFound:
                return False
            except PreconditionFailed:
                continue
            self._ends = ends
            return True
        return False

    def _beat(self, done: threading.Event) -> None:
        while not done.wait(self._beat_s):
            try:
                self.require()
            except TillrollError as error:
                logger.warning("the lock in BigQuery was not renewed: %s", error.message)

    def _give_back(self) -> None:
        """Without the lock's table nobody waits. Near its end it is left alone: it might be another's already."""
        if _now() > self._ends - min(self._beat_s, self._lease_s / 2):
            return
        soon = RETRY.with_timeout(_LONGEST_PAUSE_S)
        with suppress(TillrollError), explained(self._resource), failpoint("bigquery.unlock"):
            found = self._client.get_table(self._table, retry=soon, timeout=REQUEST_S)
            if Holder.of(found.labels).token == self._holder.token:
                self._client.delete_table(found, not_found_ok=True, retry=soon, timeout=REQUEST_S)

    def _lock(self) -> bigquery.Table:
        lock = bigquery.Table(self._table)
        lock.expires = self._expiry()
        lock.description = describe()
        lock.labels = self._holder.labels
        return lock

    def _expiry(self) -> datetime:
        # By this machine's clock. One that is minutes wrong cannot sign in to Google in the first place.
        return datetime.now(UTC) + timedelta(seconds=self._lease_s)


def _now() -> float:
    """Seconds, which go by while the machine sleeps, too; on other systems than Linux they may not."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class _TakenError(Exception):
    """Another has the lock."""
