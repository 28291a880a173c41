"""The classes of failures that are provoked, by the installation in which they are."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from benchmarks.alerts import provoke
from benchmarks.alerts.failure_class import FailureClass
from benchmarks.alerts.provoke import DAY, SHOP_DAY, Provoke, Strike
from benchmarks.alerts.strikes import kill, kill_database

BROKEN = "BROKEN DAG file broken.py"
PARSES, PARSES_NOT = "from airflow.sdk import DAG\n", "from airflow.sdk import DAG\ndef broken(:\n"
START, RETURN = "the task's start", "its return"
# As trials.py has it.
LIMIT = timedelta(seconds=5)


def tasks() -> Sequence[FailureClass]:
    """Tasks that fail, and the database."""
    return (
        _task("exception", "exception"),
        _task("retry, then failure", "retry", "the last try's start"),
        _task("`MemoryError`", "memory"),
        _task("SIGKILL, as for want of memory", "sigkill"),
        _task("`os._exit`", "exit"),
        _task("`execution_timeout`", "task_limit", "the limit", after=LIMIT),
        FailureClass("`dagrun_timeout`", "FAILED trial_run_limit.(the whole run)", "the run's end", provoke.exceed_run),
        _task("worker of the executor killed", "worker"),
        _task("a task that others wait for", "upstream"),
        _task("a DAG without a callback", "unheard"),
        *_down("database stays down", "DOWN", "postgres"),
    )


def servers() -> Sequence[FailureClass]:
    """Servers, files and days."""
    return (
        _struck("scheduler killed, its task has tries left", "trial_hardy", 1, partial(kill, program="scheduler")),
        _struck("scheduler killed, its task has none", "trial_frail", 1, partial(kill, program="scheduler")),
        _struck("database killed under a task, and back at once", "trial_hardy", 2, kill_database),
        FailureClass("a task killed, and the sentinel", "FAILED trial_sigkill.work", START, provoke.lose_sentinel),
        FailureClass("audit difference", f"FAILED gcs_to_bq_staging.publish for {SHOP_DAY}", START, provoke.differ),
        FailureClass("broken DAG file", BROKEN, "its saving", partial(provoke.save, text=PARSES_NOT)),
        FailureClass("… repaired", f"RESOLVED {BROKEN}", "its saving", partial(provoke.save, text=PARSES)),
        FailureClass("nothing ran", "LATE", "the deadline", provoke.be_late),
        *_down("scheduler stays down", "DOWN Airflow scheduler", "airflow:scheduler"),
        *_down("web server stays down", "DOWN Airflow web", "airflow:api-server"),
    )


def mail(refused_for_s: float) -> Sequence[FailureClass]:
    """Troubles of the ways to people, while a task fails."""
    return (
        _exception("SMTP rejects one recipient", 1, START, provoke.fail_while_rejecting),
        _exception("webhook answers 503, mail works: the mail", 2, START, provoke.fail_while_webhook_down),
        _exception("… and the webhook's message", 2, RETURN, provoke.raise_webhook, channel="webhook"),
        _exception("SMTP hangs for a minute", 3, RETURN, provoke.fail_while_hanging),
        _exception(
            f"SMTP refuses for {refused_for_s / 60:.3g} minutes", 4, RETURN,
            partial(provoke.fail_while_away, seconds=refused_for_s),
        ),
    )  # fmt: skip


def _task(name: str, trial: str, since: str = START, after: timedelta = timedelta()) -> FailureClass:
    dag, day = f"trial_{trial}", DAY.format(1)
    return FailureClass(
        name, f"FAILED {dag}.work for {day}", since, partial(provoke.fail, dag=dag, day=day, after=after)
    )


def _struck(name: str, dag: str, number: int, strike: Strike) -> FailureClass:
    day = DAY.format(number)
    struck = partial(provoke.strike_at, dag=dag, day=day, strike=strike)
    return FailureClass(name, f"FAILED {dag}.work for {day}", "the kill", struck)


def _down(name: str, title: str, program: str) -> tuple[FailureClass, FailureClass]:
    down = partial(provoke.stay_down, program=program)
    return (
        FailureClass(name, title, "its end", down),
        FailureClass("… and is back", f"RESOLVED {title}", "its start", provoke.bring_back),
    )


def _exception(name: str, number: int, since: str, how: Provoke, channel: str = "mail") -> FailureClass:
    day = DAY.format(number)
    return FailureClass(name, f"FAILED trial_exception.work for {day}", since, partial(how, day=day), channel)
