"""The laptop's failpoints, in the order of the chain; a test holds them to the code, and to a run that is traced."""

# Where the source is at work: what happens to PostgreSQL, or to its clock, can matter.
SOURCE = (
    "ingest.write",
    "ingest.commit",
    "folder.sweep",
    "extract.copy",
    "folder.write",
    "folder.rename",
    "extract.manifest",
    "extract.delete",
)
PUBLICATION = (
    "publish.load",
    "publish.audit",
    "duckdb.replace",
    "duckdb.ledger",
    "duckdb.commit",
    "duckdb.close",
)
TRANSFORM = (
    "core.begun",
    "dbt.snapshot",
    "dbt.model",
    "dbt.test",
    "core.done",
    "duckdb.copy_marts",
    "duckdb.swap_marts",
    "datamart.done",
)
LAPTOP = (*SOURCE, *PUBLICATION, *TRANSFORM)
# A run in Cloud Storage and BigQuery reaches these; the laptop's never does.
CLOUD_PREFIXES = ("gcs.", "bigquery.")
