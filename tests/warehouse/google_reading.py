"""Google's analyzer reads what was sent to the emulated BigQuery, statement by statement, in the order it was sent."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from google_sql import Analyzer

from pipeline.catalog import Catalog, Table
from pipeline.settings import ROOT
from pipeline.warehouse.bigquery_publish_sql import LEDGER_FIELDS
from pipeline.warehouse.bigquery_sql import column_type

# A statement as the emulator got it, with its labels.
Record = dict[str, Any]

MODELS = {file.stem for file in (ROOT / "dbt" / "models").rglob("*.sql")}

# What Tillroll sends itself, by the step that its label names.
_OWN = {
    "audit": "fingerprint",
    "publish": "publish",
    "show": "show",
    "check": "check",
    "count": "count",
    "transform": "again",
}


# What two days through all steps send.
KINDS = {"model", "test", "snapshot", "fingerprint", "publish", "show"}


def kind(record: Record) -> str:
    """What of Tillroll sent it."""
    labels = record["labels"]
    if "dbt_invocation_id" not in labels:
        return _OWN[labels["step"]]
    if labels["table"] in MODELS:
        return "model"
    return "snapshot" if labels["table"].startswith("snapshot_") else "test"


def in_words(taken: Counter[str]) -> str:
    """What to tell whoever runs the tests."""
    counts = ", ".join(f"{count} {name}" for name, count in sorted(taken.items()))
    return f"Google's analyzer took {taken.total()} statements for BigQuery: {counts}."


def columns(table: Table) -> dict[str, str]:
    """A table's columns with BigQuery's types."""
    return {column.name: column_type(column) for column in table.columns}


@dataclass(frozen=True)
class GoogleReader:
    """Knows the tables that statements made, and those that requests of Tillroll's made, of a shop of this catalog."""

    project: str
    catalog: Catalog
    analyzer: Analyzer = field(default_factory=lambda: Analyzer({}))

    def read(self, records: Iterable[Record]) -> Counter[str]:
        """How many statements of each kind Google's analyzer takes. Raises SqlError for the first that it does not."""
        found: Counter[str] = Counter()
        for record in records:
            for name in self._named_tables(record["statement"]):
                self._introduce(name)
            found[kind(record)] += len(self.analyzer.check(record["statement"]))
        return +found

    def _named_tables(self, statement: str) -> set[str]:
        """The tables that stand in a statement, `project.dataset.table`, whichever way they are quoted."""
        return {found.replace("`", "") for found in re.findall(rf"`{self.project}(?:`?\.`?[^`.]+){{2}}`", statement)}

    def _introduce(self, name: str) -> None:
        """Tell the analyzer of a table that no statement made, but a request of Tillroll's."""
        project, dataset, table = name.split(".")
        tables = {found.name: columns(found) for found in self.catalog}
        loaded = tables.get(table if dataset == "staging" else table.rpartition("_")[0])
        if name in self.analyzer:
            return
        if table == "_ledger" or table.startswith("_entries_"):
            self.analyzer.add(name, dict(LEDGER_FIELDS))
        elif dataset in {"staging", "staging_audit"} and loaded:
            self.analyzer.add(name, loaded)
        elif dataset == "datamart" and f"{project}.datamart_build.{table}" in self.analyzer:
            self.analyzer.add_copy(name, f"{project}.datamart_build.{table}")
