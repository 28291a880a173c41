"""Drift: what has changed in the source's columns since the catalog was written, and what a run does about it."""

from dataclasses import dataclass

import psycopg

from pipeline.catalog import Catalog
from pipeline.source_schema import check_catalog


@dataclass(frozen=True, slots=True)
class Fitted:
    """The catalog as it fits the source, and a line for each change that does not stop the run."""

    catalog: Catalog
    warnings: tuple[str, ...]


def fit_catalog(connection: psycopg.Connection, catalog: Catalog) -> Fitted:
    """Hold the catalog to the source.

    Raises:
        SchemaDriftError: the source has changed in a way that the catalog does not allow.
    """
    return Fitted(catalog, tuple(f"{line}: it is not moved" for line in check_catalog(connection, catalog)))
