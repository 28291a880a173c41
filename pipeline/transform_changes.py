"""What a transform has to do: inputs of `core` and `datamart` that differ from those they were last built from.

The inputs are the published partitions and the dbt project itself. The warehouse remembers them in `transformed`, where
the project has an entry as if it were one more table, and the datamart one that says which project built it.
"""

import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from pipeline.fingerprint import HASH_HEX_DIGITS, Fingerprint, Partition
from pipeline.ledger import LedgerEntry

Entries = Mapping[Partition, LedgerEntry]

PROJECT = Partition("_dbt")
DATAMART = Partition("_datamart")

# Stands for the schema of an input that a build began to read and did not finish: it differs from every other.
UNFINISHED = "unfinished"

_SOURCES = {".sql", ".yml"}
_BUILT_FOLDERS = {"target", "logs", "dbt_packages"}


@dataclass(frozen=True, slots=True)
class Change:
    """Inputs of `core` now and as it was built. `partitions` are those that differ, the project among them."""

    current: Entries
    built: Entries
    partitions: frozenset[Partition]

    @property
    def days(self) -> tuple[date, ...]:
        """The changed days of all daily tables, in order."""
        return tuple(sorted({partition.day for partition in self.partitions if partition.day}))

    @property
    def whole_tables(self) -> tuple[str, ...]:
        """The changed whole tables, in order."""
        return tuple(sorted(p.table for p in self.partitions if p.day is None and p != PROJECT))

    @property
    def everything(self) -> bool:
        """Whether the models themselves changed, so that every one of them is built from nothing."""
        return PROJECT in self.partitions

    def with_days(self, days: Collection[date]) -> "Change":
        """The same with all that is published of these days. A build that dies remembers them like the others."""
        return replace(self, partitions=self.partitions | {p for p in self.current if p.day in days})

    def begun(self) -> list[LedgerEntry]:
        """What to remember before the build: should it die half-way, the next one finds the same inputs changed.

        The entry of an input that is gone stays too, or a day deleted from the source would be forgotten.
        """
        known = {**self.built, **self.current}
        return [replace(e, schema_id=UNFINISHED) if p in self.partitions else e for p, e in known.items()]

    def done(self) -> list[LedgerEntry]:
        """What to remember after the build."""
        return list(self.current.values())


def compare_inputs(published: Entries, project: LedgerEntry, transformed: Entries) -> Change:
    """The inputs of `core` that differ from those it was built from."""
    current = {**published, project.partition: project}
    built = {partition: entry for partition, entry in transformed.items() if partition != DATAMART}
    differing = {p for p in current.keys() | built.keys() if _identity(current.get(p)) != _identity(built.get(p))}
    return Change(current, built, frozenset(differing))


def outdated(transformed: Entries, partitions: Collection[Partition]) -> list[LedgerEntry]:
    """What to remember of a build when the rows of these inputs change although their fingerprints do not."""
    return [replace(e, schema_id=UNFINISHED) if p in partitions else e for p, e in transformed.items()]


def is_finished(transformed: Entries) -> bool:
    """Whether the last build of `core` came to its end, tests included."""
    return PROJECT in transformed and all(entry.schema_id != UNFINISHED for entry in transformed.values())


def project_entry(folder: Path, day: date, published: Entries) -> LedgerEntry:
    """The entry of the dbt project in `folder`: its fingerprint is over its files' names and contents."""
    digest = hashlib.sha256()
    files = sorted(_project_files(folder))
    for file in files:
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        digest.update(f"{file.relative_to(folder).as_posix()} {content}\n".encode())
    checksum = int(digest.hexdigest()[:HASH_HEX_DIGITS], 16)
    newest = max(entry.published_at for entry in published.values())
    return LedgerEntry(PROJECT, Fingerprint(len(files), checksum), digest.hexdigest()[:16], 0, day, newest)


def datamart_entry(transformed: Entries, day: date) -> LedgerEntry:
    """The entry that says: the datamart is built from this very `core`. The next build of `core` forgets it."""
    return replace(transformed[PROJECT], partition=DATAMART, run_day=day)


def _project_files(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        if path.suffix in _SOURCES and not _BUILT_FOLDERS & set(path.relative_to(folder).parts):
            yield path


def _identity(entry: LedgerEntry | None) -> tuple[Fingerprint, str] | None:
    """What a build depends on. The sequence moves on whenever a run finds the same rows again."""
    return None if entry is None else (entry.fingerprint, entry.schema_id)
