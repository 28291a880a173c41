"""The day of a run: what a task works on, and what an alert about the run says that it was for."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from pipeline.alerts.failure import NO_DAY
from pipeline.days import parse_day
from pipeline.errors import ConfigurationError


def day_of(context: Mapping[str, Any]) -> date:
    """The day a task works on, from the context Airflow hands it.

    Scheduled, backfilled and asset-triggered runs carry a partition key; a run triggered by hand may carry
    `{"day": "2025-01-31"}`; a run with a logical date has `ds`. The first of these that is there decides.

    Raises:
        ConfigurationError: the run carries none of them, or something that is not a day.
    """
    dag_run = context.get("dag_run")
    conf = getattr(dag_run, "conf", None) or {}
    text = context.get("partition_key") or conf.get("day") or context.get("ds")
    if not text:
        raise ConfigurationError(
            f"run {context.get('run_id') or '(unnamed)'} carries no day",
            'Trigger it with a partition key such as 2025-01-31, or with the configuration {"day": "2025-01-31"}.',
        )
    return parse_day(str(text))


def day_told(partition_key: str | None, conf: Mapping[str, Any] | None) -> str:
    """What an alert says that a run was for: its partition key, else what it was triggered with; NO_DAY without either.

    A logical date is none: 24 runs of a DAG that runs every hour have the same `ds`, and do not do the same work. A key
    that is no day of ours, such as an hour, is told as it is.
    """
    text = str(partition_key or (conf or {}).get("day") or NO_DAY)
    try:
        return parse_day(text).isoformat()
    except ConfigurationError:
        return text
