"""What DAG files are wired from: assets, schedules, and the options every DAG shares.

Everything here is evaluated whenever Airflow parses a DAG file: no connection, no step, no settings but the one switch
that decides which DAGs exist.
"""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from airflow.sdk import (
    Asset,
    CronPartitionTimetable,
    ExceptionRetryPolicy,
    Param,
    PartitionedAssetTimetable,
    RetryAction,
    RetryRule,
)
from pydantic import ValidationError
from pydantic_settings import BaseSettings

from pipeline.airflow_support.callbacks import alert_failure
from pipeline.errors import ConfigurationError, DataError
from pipeline.settings import Settings

# What each DAG leaves behind. A run's asset event carries its day as partition key, and starts the next DAG for it.
# Names only: for an URI, Airflow would import every provider that might know its scheme.
SOURCE = Asset("tillroll_source")
LAKE = Asset("tillroll_lake")
STAGING = Asset("tillroll_staging")
CORE = Asset("tillroll_core")
DATAMART = Asset("tillroll_datamart")

# At midnight UTC, for the day that has just ended.
DAILY = CronPartitionTimetable("0 0 * * *", timezone="UTC", run_offset=-1, key_format="%Y-%m-%d")


def after(asset: Asset) -> PartitionedAssetTimetable:
    """Run for each day for which `asset` is produced."""
    return PartitionedAssetTimetable(assets=asset)


class _Switches(BaseSettings):
    """The settings that shape DAGs, alone: another one's mistake must fail a task, which mails, and not the parsing."""

    model_config = Settings.model_config
    source: Literal["shop", "external"] = "shop"
    schedule_from: str = ""


def source_is_external() -> bool:
    """Whether a real shop fills the source, so that nothing is to be ingested.

    Raises:
        ConfigurationError: TILLROLL_SOURCE is neither `shop` nor `external`.
    """
    try:
        return _Switches().source == "external"
    except ValidationError as error:
        raise ConfigurationError(
            f"TILLROLL_SOURCE: {error.errors()[0]['msg']}", "Set it to shop, or to external for a source of your own."
        ) from None


def schedule_start() -> datetime | None:
    """When the daily schedule begins: at the end of the first day it takes.

    Without a start, Airflow takes a first backfill for the schedule's last run, and at once runs yesterday after it.
    """
    with suppress(ValueError):
        return datetime.fromisoformat(_Switches().schedule_from).replace(tzinfo=UTC) + timedelta(days=1)
    return None


# Trying again cannot mend wrong settings or rows that differ; anything else may be a moment's trouble.
RETRY_POLICY = ExceptionRetryPolicy(
    rules=[
        RetryRule(ConfigurationError, RetryAction.FAIL, reason="wrong settings: the same again would fail the same"),
        RetryRule(DataError, RetryAction.FAIL, reason="the data disagree: somebody has to look"),
    ]
)

# Keyword arguments of every DAG.
DAG_OPTIONS: dict[str, Any] = {
    "catchup": False,
    "is_paused_upon_creation": False,
    "params": {
        "day": Param(
            default=None,
            type=["null", "string"],
            format="date",
            description="The day to work on, when you trigger a run by hand. Other runs have a partition key.",
        )
    },
    "default_args": {
        "owner": "data-team",
        "retries": 2,
        "retry_delay": timedelta(seconds=15),
        "retry_exponential_backoff": 4,
        "retry_policy": RETRY_POLICY,
        "execution_timeout": timedelta(hours=2),
        "on_failure_callback": alert_failure,
    },
}
