"""What Tillroll uses at Google, each with the commands that make it and that open it: the remedies of errors."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Resource:
    """A bucket, a dataset, a project: its name in a sentence, and what to do when it is not there, or not for us."""

    name: str
    when_missing: str
    when_refused: str


def bucket(name: str) -> Resource:
    """The lake's bucket."""
    return Resource(
        f"bucket gs://{name}",
        f"Create it where BigQuery's datasets are: `gcloud storage buckets create gs://{name} --location=EU "
        "--uniform-bucket-level-access`, or correct TILLROLL_LAKE_URL.",
        f"Grant Tillroll's account roles/storage.objectUser on it: `gcloud storage buckets add-iam-policy-binding "
        f"gs://{name} --member=serviceAccount:ACCOUNT --role=roles/storage.objectUser`; and in the same way "
        "roles/storage.legacyBucketReader, which load jobs ask for.",
    )


def project(name: str) -> Resource:
    """The project in which BigQuery's jobs run."""
    return Resource(
        f"project {name}",
        "Correct the project in TILLROLL_WAREHOUSE_URL (bigquery://project/location); `gcloud projects list` has them.",
        f"Grant Tillroll's account roles/bigquery.jobUser there: `gcloud projects add-iam-policy-binding {name} "
        "--member=serviceAccount:ACCOUNT --role=roles/bigquery.jobUser`; docs/google-cloud.md has all roles.",
    )


def dataset(project: str, name: str, location: str) -> Resource:
    """One of BigQuery's datasets, or what is in it."""
    return Resource(
        f"dataset {project}.{name} in {location}",
        f"Create it: `bq --location={location} mk --dataset {project}:{name}`; or, where it is in another location, "
        "correct TILLROLL_WAREHOUSE_URL.",
        f"Grant Tillroll's account roles/bigquery.dataEditor on {project}:{name}; docs/google-cloud.md has all roles.",
    )
