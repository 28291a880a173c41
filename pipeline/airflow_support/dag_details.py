"""What Airflow says of a DAG itself: what its page tells people to do when it fails, and its tags."""

from dataclasses import dataclass

from pipeline.airflow_support.api import AirflowApi, ApiError
from pipeline.airflow_support.doc import WHEN_IT_FAILS, section
from pipeline.errors import TransientError


@dataclass(frozen=True, slots=True)
class DagDetails:
    """Both are empty where Airflow does not say: a DAG that is gone may still be what an alert is about."""

    guidance: str = ""
    tags: tuple[str, ...] = ()


def details_of(api: AirflowApi, dag: str) -> DagDetails:
    """What Airflow says of this DAG."""
    try:
        found = api.get(f"/dags/{dag}/details")
    except (ApiError, TransientError):
        return DagDetails()
    tags = sorted(str(tag["name"]) for tag in found["tags"])
    return DagDetails(section(found["doc_md"] or "", WHEN_IT_FAILS), tuple(tags))
