"""The audit: two sides' fingerprints, compared. Pure; who computes them is the caller's business."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pipeline.errors import AuditError
from pipeline.fingerprint import EMPTY, Fingerprint, Partition

_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Difference:
    """A partition on which source and warehouse do not agree."""

    partition: Partition
    source: Fingerprint
    warehouse: Fingerprint

    def __str__(self) -> str:
        return f"{self.partition.label}: source {self.source}; warehouse {self.warehouse}"


def compare(source: Mapping[Partition, Fingerprint], warehouse: Mapping[Partition, Fingerprint]) -> list[Difference]:
    """The partitions that differ, in order. One that is absent on a side has no rows there."""
    partitions = sorted(source.keys() | warehouse.keys(), key=lambda p: (p.table, str(p.day)))
    sides = ((p, source.get(p, EMPTY), warehouse.get(p, EMPTY)) for p in partitions)
    return [Difference(p, ours, theirs) for p, ours, theirs in sides if ours != theirs]


def require_equal(differences: Sequence[Difference], evidence: str = "") -> None:
    """Stop a publication whose loaded rows are not the source's; `evidence` says where to see them.

    Raises:
        AuditError: there are differences; names the partitions.
    """
    if differences:
        raise AuditError(
            f"{len(differences)} loaded partition(s) differ from the source: {listed(map(str, differences))}",
            "Nothing was published. Extract the day again, which writes the objects of these partitions anew "
            "(`tillroll sync --day` does both). If they differ again, compare the two sides of one of them, and see "
            "docs/types.md for values a warehouse cannot hold.",
            evidence,
        )


def listed(items: Iterable[str]) -> str:
    """The first ten, and how many more."""
    texts = list(items)
    more = f" … and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""
    return "; ".join(texts[:_SHOWN]) + more
