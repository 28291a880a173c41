"""How each failure is provoked. Each returns the moment from which people wait to hear of it."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime, timedelta

from benchmarks.alerts import strikes
from benchmarks.alerts.site import ENDED, PEOPLE, Site

DAY = "2025-01-{:02}"
SHOP_DAY = date(2025, 1, 10)
HANGS_FOR_S = 60.0

Strike = Callable[[Site], None]
Provoke = Callable[..., datetime | None]


def fail(site: Site, dag: str, day: str, *, after: timedelta = timedelta()) -> datetime:
    """A trial that fails so long after its task's start.

    The end that Airflow writes down is that of its process, which tells people first. A start it does not write down
    where a task is lost on its way to a worker.
    """
    task = site.task(dag, site.start(dag, day), ENDED)
    return _moment(task["start_date"] or task["end_date"]) + after


def exceed_run(site: Site) -> datetime:
    """A run that takes longer than a run may."""
    dag = "trial_run_limit"
    return _moment(site.run(dag, site.start(dag, DAY.format(1)))["end_date"])


def strike_at(site: Site, dag: str, day: str, strike: Strike) -> datetime | None:
    """A task that is struck while it works. None where it comes to a good end all the same, by another try."""
    run = site.start(dag, day)
    site.task(dag, run, {"running"})
    struck = datetime.now(UTC)
    strike(site)
    return None if site.task(dag, run, ENDED)["state"] == "success" else struck


def lose_sentinel(site: Site) -> datetime:
    """A task that is killed, and the sentinel too, before it has looked."""
    killed = fail(site, "trial_sigkill", DAY.format(1))
    strikes.kill(site, "sentinel")
    return killed


def differ(site: Site) -> datetime:
    """A day whose rows in the lake are not the source's."""
    site.installation.tillroll("ingest", "--day", SHOP_DAY.isoformat())
    strikes.extract_with_a_fault(site.settings, SHOP_DAY, "payment_method")
    dag = "gcs_to_bq_staging"
    run = site.start(dag, SHOP_DAY.isoformat(), partition_key=SHOP_DAY.isoformat())
    return _moment(site.task(dag, run, ENDED, "publish")["start_date"])


def save(site: Site, text: str) -> datetime:
    """A DAG file with this text."""
    (site.trials / "broken.py").write_text(text)
    return datetime.now(UTC)


def be_late(site: Site) -> datetime:
    """A day that is not published at its deadline, since nothing was ever scheduled."""
    time.sleep(max(0.0, (site.fresh_at - datetime.now(UTC)).total_seconds()))
    return site.fresh_at


def stay_down(site: Site, program: str) -> datetime:
    """A server that ends and is not started again."""
    strikes.keep_down(site, program)
    return datetime.now(UTC)


def bring_back(site: Site) -> datetime:
    """The servers that were down."""
    began = datetime.now(UTC)
    strikes.bring_back(site)
    return began


def fail_while_rejecting(site: Site, day: str) -> datetime:
    """The server knows one of two recipients no more."""
    with site.mail.rejecting(PEOPLE[1]):
        return fail(site, "trial_exception", day)


def fail_while_webhook_down(site: Site, day: str) -> datetime:
    """Another channel than mail takes nothing, from now on."""
    site.webhook.is_down = True
    return fail(site, "trial_exception", day)


def raise_webhook(site: Site, day: str) -> datetime:
    """That channel again."""
    site.webhook.is_down = False
    return datetime.now(UTC)


def fail_while_hanging(site: Site, day: str) -> datetime:
    """The mail server takes connections, and answers nothing."""
    return _fail_within(site, day, site.mail.hanging(), HANGS_FOR_S)


def fail_while_away(site: Site, day: str, seconds: float) -> datetime:
    """The mail server refuses connections."""
    return _fail_within(site, day, site.mail.away(), seconds)


def _fail_within(site: Site, day: str, trouble: AbstractContextManager[None], seconds: float) -> datetime:
    with trouble:
        ends = time.monotonic() + seconds
        fail(site, "trial_exception", day)
        time.sleep(max(0.0, ends - time.monotonic()))
    return datetime.now(UTC)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
