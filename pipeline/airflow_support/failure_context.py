"""What Airflow's context says about a failed task. Any key may be missing: a run has no day, a killed task no error."""

import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from pydantic import ValidationError

from pipeline.airflow_support.chain import rerun_command
from pipeline.airflow_support.day import day_told
from pipeline.airflow_support.doc import WHEN_IT_FAILS, section
from pipeline.alerts.failure import UNMAPPED, Failure
from pipeline.alerts.masking import mask
from pipeline.settings import Settings

LONGEST_MESSAGE = 4_000
LONGEST_TRACEBACK = 8_000
# What is searched for secrets. A mail shows far less, so where a text is cut here, no half of a secret is seen.
LONGEST_TEXT = 100_000


def failure_of(context: Mapping[str, Any], secrets: frozenset[str] = frozenset()) -> Failure:
    """What Airflow's context says about a failed task, its texts masked."""
    ti = context["ti"]
    error = context.get("exception") or context.get("reason") or "no exception reached the alert"
    day = _day(context)
    return Failure(
        dag=str(ti.dag_id),
        task=str(ti.task_id),
        day=day,
        run=str(ti.run_id),
        attempt=int(ti.try_number),
        error=_class_name(error),
        message=head(mask(str(getattr(error, "message", error))[:LONGEST_TEXT], secrets)),
        traceback=_tail(mask(_traceback(error)[-LONGEST_TEXT:], secrets)),
        remedy=mask(str(getattr(error, "remedy", "")), secrets),
        guidance=section(getattr(context.get("dag"), "doc_md", None) or "", WHEN_IT_FAILS),
        started_at=getattr(ti, "start_date", None),
        failed_at=getattr(ti, "end_date", None) or datetime.now(UTC),
        log_url=str(ti.log_url),
        tags=tuple(sorted(map(str, getattr(context.get("dag"), "tags", None) or ()))),
        evidence=head(mask(str(getattr(error, "evidence", ""))[:LONGEST_TEXT], secrets)),
        map_index=_map_index(ti),
        instance=str(getattr(ti, "id", None) or ""),
        rerun=rerun_command(str(ti.dag_id), day),
    )


def settings_for_alert() -> Settings:
    """The settings, with the default for each one that is wrong: a wrong one may be what the mail is about."""
    try:
        return Settings()
    except ValidationError as error:
        wrong = {str(problem["loc"][0]) for problem in error.errors()}
        return Settings(**{name: Settings.model_fields[name].get_default() for name in wrong})


def _day(context: Mapping[str, Any]) -> str:
    return day_told(context.get("partition_key"), getattr(context.get("dag_run"), "conf", None))


def _map_index(ti: Any) -> int:
    found = getattr(ti, "map_index", None)
    return UNMAPPED if found is None else int(found)


def _class_name(error: object) -> str:
    kind = type(error)
    if not isinstance(error, BaseException):
        return "unknown"
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _traceback(error: object) -> str:
    """The traceback from where Airflow calls the DAG's function; how it came there says nothing."""
    if not isinstance(error, BaseException):
        return ""
    return "".join(traceback.format_exception(type(error), error, _without_airflow(error.__traceback__)))


def _without_airflow(frames: TracebackType | None) -> TracebackType | None:
    first = frames
    while first is not None and first.tb_frame.f_globals.get("__name__", "").startswith("airflow."):
        first = first.tb_next
    return first or frames


def head(text: str) -> str:
    """The beginning of a text, which a mail can show."""
    return text if len(text) <= LONGEST_MESSAGE else text[:LONGEST_MESSAGE] + " […]"


def _tail(text: str) -> str:
    return text if len(text) <= LONGEST_TRACEBACK else "[…] " + text[-LONGEST_TRACEBACK:]
