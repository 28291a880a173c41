"""The chain: the DAGs by name, in the order a day passes through them."""

from pipeline.days import parse_day
from pipeline.errors import ConfigurationError
from pipeline.settings import Settings

INGEST_TO_POSTGRES = "ingest_to_postgres"
POSTGRES_TO_GCS = "postgres_to_gcs"
GCS_TO_BQ_STAGING = "gcs_to_bq_staging"
BQ_TRANSFORM_CORE = "bq_transform_core"
BQ_TRANSFORM_DATAMART = "bq_transform_datamart"

CHAIN = (INGEST_TO_POSTGRES, POSTGRES_TO_GCS, GCS_TO_BQ_STAGING, BQ_TRANSFORM_CORE, BQ_TRANSFORM_DATAMART)


def chain_of(settings: Settings) -> tuple[str, ...]:
    """The DAGs a day passes through with these settings. The first is the head: it has the clock, the rest follow."""
    return CHAIN if settings.source == "shop" else CHAIN[1:]


def rerun_command(dag: str, day: str) -> str:
    """What a person can paste to run the work of `dag` for `day` again. Empty without a day, and for others' DAGs."""
    try:
        parse_day(day)
    except ConfigurationError:
        return ""
    return f"tillroll backfill --from {day} --to {day} --reprocess" if dag in CHAIN else ""
