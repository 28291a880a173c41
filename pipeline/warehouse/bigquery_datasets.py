"""The datasets of a warehouse in BigQuery: made where they are missing, and never mixed over locations.

Readers know `staging`, `core` and `datamart`. Two more are Tillroll's own: `staging_audit`, where loaded rows wait for
their audit and whose tables go away by themselves after a day, and `datamart_build`, where dbt builds and tests.
"""

from dataclasses import dataclass, replace

from google.api_core.exceptions import NotFound
from google.cloud import bigquery

from pipeline.errors import ConfigurationError
from pipeline.failpoints import failpoint
from pipeline.google_clients import REQUEST_S
from pipeline.google_errors import RETRY, explained
from pipeline.google_resources import Resource, dataset
from pipeline.warehouse.base import CORE, DATAMART, STAGING
from pipeline.warehouse.bigquery_jobs import Jobs

AUDIT = "staging_audit"
DATAMART_BUILD = "datamart_build"
_DAY_MS = 24 * 60 * 60 * 1000


@dataclass(frozen=True, slots=True)
class _Purpose:
    description: str
    table_lifetime_ms: int | None = None


_DATASETS = {
    STAGING: _Purpose("The shop's tables as they are in its database, published by Tillroll once proven equal."),
    CORE: _Purpose("Facts and dimensions, built by dbt from staging."),
    DATAMART: _Purpose("The marts that people and dashboards read."),
    AUDIT: _Purpose("Rows on their way into staging. Nobody reads here; its tables go away by themselves.", _DAY_MS),
    DATAMART_BUILD: _Purpose("The marts in the making. Nobody reads here."),
}


class Datasets:
    """The datasets of one project, all at one location."""

    def __init__(self, jobs: Jobs, location: str) -> None:
        self._jobs = jobs
        self._location = location
        self._found: set[str] = set()
        self._is_checked = False

    def resource(self, name: str) -> Resource:
        """The dataset as errors name it. Google refuses to look at one that is not there, too."""
        found = dataset(self._jobs.client.project, name, self._location)
        create = f"bq --location={self._location} mk --dataset {self._jobs.client.project}:{name}"
        return replace(
            found,
            when_refused=f"If it is not there, create it: `{create}`; or grant Tillroll's account roles/bigquery.user "
            f"on the project, and it makes its datasets itself. {found.when_refused}",
        )

    def exists(self, name: str) -> bool:
        """Whether there is such a dataset.

        Raises:
            ConfigurationError: it is in another location, or would lose its rows; or the project is not there, or not
                for this account.
        """
        if name not in self._found:
            found = self._get(name)
            if found is None:
                self._check_once()  # a project that is not there has no datasets either
                return False
            self._require_location(found)
            _require_lasting(found)
            self._found.add(name)
        return True

    def ensure(self) -> None:
        """Make the datasets that are missing.

        Raises:
            ConfigurationError: one is in another location, or may not be made.
        """
        for name in _DATASETS:
            if not self.exists(name):
                self._create(name)

    def _get(self, name: str) -> bigquery.Dataset | None:
        reference = bigquery.DatasetReference(self._jobs.client.project, name)
        with explained(self.resource(name)):
            try:
                return self._jobs.client.get_dataset(reference, retry=RETRY, timeout=REQUEST_S)
            except NotFound:
                return None

    def _create(self, name: str) -> None:
        purpose = _DATASETS[name]
        made = bigquery.Dataset(bigquery.DatasetReference(self._jobs.client.project, name))
        made.location = self._location
        made.description = purpose.description
        made.labels = {"app": "tillroll"}
        made.default_table_expiration_ms = purpose.table_lifetime_ms
        with explained(self.resource(name)), failpoint("bigquery.dataset"):
            self._jobs.client.create_dataset(made, exists_ok=True, retry=RETRY, timeout=REQUEST_S)
        self.exists(name)

    def _check_once(self) -> None:
        if not self._is_checked:
            self._jobs.check()
            self._is_checked = True

    def _require_location(self, found: bigquery.Dataset) -> None:
        if (found.location or "").lower() != self._location.lower():
            place = f"{found.project}.{found.dataset_id}"
            raise ConfigurationError(
                f"dataset {place} is in {found.location}, not in {self._location}",
                f"A dataset cannot be moved: write bigquery://{found.project}/{found.location} into "
                f"TILLROLL_WAREHOUSE_URL, with the lake's bucket there too, or delete it if nobody needs it.",
            )


def _require_lasting(found: bigquery.Dataset) -> None:
    """Tables inherit what their dataset says of expiration: published rows would go, and the ledger would not know."""
    is_passing = _DATASETS[found.dataset_id].table_lifetime_ms is not None
    if found.default_partition_expiration_ms or (found.default_table_expiration_ms and not is_passing):
        name = f"{found.project}:{found.dataset_id}"
        raise ConfigurationError(
            f"dataset {found.project}.{found.dataset_id} lets tables or partitions expire, and rows with them",
            f"Run `bq update --default_table_expiration 0 --default_partition_expiration 0 {name}`. A table that was "
            f"made there before keeps its own: `bq update --expiration 0 {name}.TABLE`, and for one with partitions "
            f"`--time_partitioning_expiration 0`. `tillroll audit` then tells what is gone.",
        )
