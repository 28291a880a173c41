"""Where datasets are, and where the jobs run that name them."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import sqlglot
from sqlglot import exp

DEFAULT_LOCATION = "US"
Json = dict[str, Any]


def location_of(context: Any, project: str, configuration: Json) -> str:
    """Where a job runs that does not say so: where the first dataset is that it names."""
    for owner, name in _datasets(project, configuration):
        if (dataset := context.catalog.get_dataset(owner, name)) is not None:
            return str(dataset.location)
    return DEFAULT_LOCATION


def elsewhere(context: Any, project: str, configuration: Json, location: str) -> str | None:
    """A dataset that the job names and that is in another location; None where there is none."""
    for owner, name in _datasets(project, configuration):
        dataset = context.catalog.get_dataset(owner, name)
        if dataset is not None and dataset.location.lower() != location.lower():
            return f"{owner}:{name}"
    return None


@lru_cache(maxsize=64)
def statements(sql: str) -> tuple[exp.Expression, ...]:
    """The statements of a script, as far as they are understood; to be read only."""
    try:
        return tuple(tree for tree in sqlglot.parse(sql, read="bigquery") if isinstance(tree, exp.Expression))
    except sqlglot.errors.SqlglotError:
        return ()


def _datasets(project: str, configuration: Json) -> Iterator[tuple[str, str]]:
    for kind, role in (("load", "destinationTable"), ("copy", "destinationTable"), ("copy", "sourceTable")):
        if table := configuration.get(kind, {}).get(role):
            yield table.get("projectId", project), table["datasetId"]
    query = configuration.get("query", {})
    if default := query.get("defaultDataset"):
        yield default.get("projectId", project), default["datasetId"]
    for tree in statements(query.get("query") or ""):
        for table in tree.find_all(exp.Table):
            if table.db:
                yield table.catalog or project, table.db
