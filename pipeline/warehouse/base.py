"""What a warehouse must do: keep a ledger, take in rows unseen, fingerprint them, publish them at once.

Readers see all of a publication or none of it. Everything between `publication()` and `publish()` is invisible to
them, and gone after a crash.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Protocol

from pipeline.catalog import Table
from pipeline.fingerprint import Fingerprint, Partition
from pipeline.lake.base import Lake
from pipeline.ledger import Ledger, LedgerEntry
from pipeline.manifest import LakeObject

STAGING = "staging"
CORE = "core"
DATAMART = "datamart"
EQUALITIES = "layer_equality"
BUILT_AGAIN = "days_to_build_again"


@dataclass(frozen=True, slots=True)
class Equality:
    """A measure of a layer (rows, money) beside the same measure of the layer it came from."""

    layer: str
    measure: str
    value: Decimal
    expected: Decimal

    @property
    def holds(self) -> bool:
        return self.value == self.expected


class Publication(Protocol):
    """One atomic change of the `staging` dataset, in the making."""

    def ledger(self) -> Ledger:
        """What is published, as this change will find it."""

    def load(self, table: Table, objects: Sequence[LakeObject], lake: Lake) -> None:
        """Load these partitions of `table` with explicit types, unseen by readers. It may go on after the call.

        Raises:
            DataError: a value does not fit its column's type; names table, file, line and column where known. Where
                loading goes on, `fingerprints` and `publish` raise it.
        """

    def fingerprints(self, table: Table) -> Mapping[Partition, Fingerprint]:
        """Fingerprints of the typed rows `load` took in, computed by the warehouse once all are in. Absent: no rows."""

    def publish(self, entries: Iterable[LedgerEntry]) -> None:
        """Replace the entries' partitions by the loaded rows, and record the entries: atomically."""


class Warehouse(Protocol):
    """A place with datasets `staging`, `core` and `datamart`."""

    def lock(self) -> AbstractContextManager[None]:
        """Keep other writers out for as long as the context lasts; may be taken again inside.

        Raises:
            TransientError: another writer does not come to an end.
        """

    def require_lock(self) -> None:
        """See that the lock that was taken is still held. Cheap, for any thread, as often as one likes.

        Raises:
            TransientError: it was lost, so another may be at work.
        """

    def ledger(self) -> Ledger:
        """What is published. Empty where nothing ever was."""

    def publication(self) -> AbstractContextManager[Publication]:
        """A new publication. Leaving the context without `publish()` changes nothing."""

    def fingerprints(self, table: Table) -> Mapping[Partition, Fingerprint]:
        """Fingerprints of all published rows of `table`, as they are now."""

    def transformed(self) -> Ledger:
        """The ledger as it was when the core dataset was last built from it (see `transform`)."""

    def record_transformed(self, entries: Collection[LedgerEntry]) -> None:
        """Remember that the core dataset was built from these entries; others are forgotten."""

    def days_to_build_again(self) -> Collection[date] | None:
        """What the dbt project's `days_to_build_again` in core says: days to build although nothing of them changed.

        Nothing where the project has no such view; None where it cannot be read, and so nobody can tell.
        """

    def equalities(self) -> Sequence[Equality]:
        """What the dbt project's `layer_equality` in the datamart says; nothing where the project has none."""

    def relations(self) -> set[str]:
        """Names, `dataset.table`, of all tables and views in staging, core and datamart that people read. Cheap."""

    def show_marts(self) -> None:
        """Let people see the datamart as it was just built and tested: every mart at once, or none.

        Raises:
            StepError: it cannot be shown; people keep what they had.
        """

    def shows_marts(self) -> bool:
        """Whether people can see a datamart."""

    def row_counts(self) -> Mapping[str, int]:
        """Rows by `dataset.table` for every table and view in staging, core and datamart that people read."""
