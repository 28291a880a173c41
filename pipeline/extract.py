"""Extract: write the planned partitions to the lake, all in one snapshot, and what the snapshot held into the manifest.

Objects get their names only when all of them are complete; manifests follow, the run's own day last. A crash at any
point leaves each earlier manifest true or its object refused. The day's manifest says of every compared partition what
the source held, so that publishing needs nothing else, and never takes an old object for what the source holds.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from importlib.metadata import version
from typing import TypedDict

from pipeline.catalog import Catalog
from pipeline.failpoints import failpoint
from pipeline.fingerprint import Fingerprint, Partition
from pipeline.lake.base import Lake
from pipeline.manifest import Evolved, Found, LakeObject, Manifest, Run, manifest_path, manifest_text, parse_manifest
from pipeline.plan import Planned
from pipeline.sequence import keep_sequence
from pipeline.snapshot import Snapshot
from pipeline.table_copy import PartitionFiles, copy_table

# Objects that get their names at once: in a bucket each takes a few answers from far away.
_COMMITS = 8


@dataclass(frozen=True, slots=True)
class Extraction:
    """What one extract step works with.

    `found` are the fingerprints of all compared partitions, `histories` the tables compared from their beginning,
    `evolved` those of the catalog that have other columns than in its file. `anew` are partitions to be loaded even
    where the ledger says the same of them.
    `sequence` orders the snapshot after every earlier one. `quiet` keeps those out who load while objects change.
    """

    snapshot: Snapshot
    lake: Lake
    catalog: Catalog
    day: date
    sequence: int
    found: Mapping[Partition, Fingerprint]
    histories: frozenset[str]
    evolved: Mapping[str, Evolved]
    anew: frozenset[Partition]
    shard_bytes: int
    workers: int
    quiet: Callable[[], AbstractContextManager[None]]

    def folder(self, partition: Partition) -> date:
        """A daily partition lies under its own day, a whole table under the day whose run found it changed."""
        return partition.day or self.day


@dataclass(frozen=True, slots=True)
class Extracted:
    """The plan's objects: those `written`, and those `kept` because an interrupted run had written the same rows."""

    written: tuple[LakeObject, ...]
    kept: tuple[LakeObject, ...]


def extract(run: Extraction, plan: Sequence[Planned], advance: Callable[[Partition], None]) -> Extracted:
    """Write the planned partitions and their manifests. `advance` is called, from any thread, after each partition.

    Raises:
        StepError: the lake cannot be written. DataError: PostgreSQL cannot print a value.
    """
    run.lake.sweep()
    folders = {run.day, *(run.folder(planned.partition) for planned in plan)}
    manifests = {folder: read_manifest(run.lake, folder) for folder in sorted(folders)}
    there = {p.partition: _there(run, p, manifests[run.folder(p.partition)]) for p in plan}
    with ThreadPoolExecutor(run.workers, "extract") as pool:
        missing = _by_table(planned for planned in plan if there[planned.partition] is None)
        tables = [pool.submit(_copy, run, *item, advance) for item in missing]
        files = [file for table in tables for file in table.result()]
    with run.quiet():
        # The lock that keeps other extracts away is the leader's: were it gone, nothing may be named any more.
        run.snapshot.leader.execute("select 1")
        keep_sequence(run.lake, run.sequence)
        with ThreadPoolExecutor(_COMMITS, "commit") as pool:
            written = tuple(pool.map(partial(_commit, run), files))
        extracted = Extracted(written, tuple(o for o in there.values() if o))
        for folder in sorted(manifests, key=lambda day: (day == run.day, day)):
            _write_manifest(run, folder, manifests[folder], [*extracted.written, *extracted.kept])
    return extracted


def read_manifest(lake: Lake, day: date) -> Manifest | None:
    """The manifest of a day's folder; None where the day does not exist. Raises CorruptObjectError."""
    path = manifest_path(day)
    content = lake.read(path)
    return None if content is None else parse_manifest(content, path)


def _there(run: Extraction, planned: Planned, manifest: Manifest | None) -> LakeObject | None:
    """The object that an interrupted run left, with these very rows and intact, as an object of this run."""
    found = manifest.objects.get(planned.partition.table) if manifest else None
    if found is None or (found.partition, found.fingerprint) != (planned.partition, planned.fingerprint):
        return None
    if found.refused or found.schema_id != run.catalog.table(found.table).schema_id:
        return None
    if not all(map(run.lake.matches, found.parts)):
        return None
    return found.model_copy(update=dict(_origin(run)))


class _Origin(TypedDict):
    sequence: int
    snapshot: str
    extracted_at: datetime
    run_day: date


def _origin(run: Extraction) -> _Origin:
    return {
        "sequence": run.sequence,
        "snapshot": run.snapshot.id,
        "extracted_at": run.snapshot.taken_at,
        "run_day": run.day,
    }


def _by_table(plan: Iterable[Planned]) -> list[tuple[str, list[Planned]]]:
    """The plan by table, the largest first, so that no long table starts last."""
    tables: dict[str, list[Planned]] = defaultdict(list)
    for planned in plan:
        tables[planned.partition.table].append(planned)
    return sorted(tables.items(), key=lambda item: -sum(p.fingerprint.rows for p in item[1]))


def _copy(
    run: Extraction, name: str, plan: Sequence[Planned], advance: Callable[[Partition], None]
) -> list[PartitionFiles]:
    table = run.catalog.table(name)
    files = [PartitionFiles(run.lake, table, p, run.folder(p.partition), run.shard_bytes) for p in plan]
    copy_table(run.snapshot, table, files, advance)
    return files


def _commit(run: Extraction, files: PartitionFiles) -> LakeObject:
    files.commit()
    table = run.catalog.table(files.planned.partition.table)
    return LakeObject(
        table=table.name,
        day=files.planned.partition.day,
        parts=tuple(files.parts),
        rows=files.planned.fingerprint.rows,
        longest_line=files.longest_line,
        checksum=files.planned.fingerprint.checksum,
        schema_id=table.schema_id,
        columns={column.name: column.type.source for column in table.columns},
        **_origin(run),
    )


def _write_manifest(run: Extraction, folder: date, before: Manifest | None, objects: Sequence[LakeObject]) -> None:
    """Delete the shards that no object has any more, then name the folder's new objects beside its others.

    In this order: were the run killed in between, the manifest before would still name what is to be deleted.
    """
    known = dict(before.objects) if before else {}
    current = known | {o.table: o for o in objects if run.folder(o.partition) == folder}
    found = _found(run) if folder == run.day else before.run if before else None
    manifest = Manifest(code_version=version("tillroll"), day=folder, objects=dict(sorted(current.items())), run=found)
    named = {part.path for o in current.values() for part in o.parts}
    for part in (part for o in known.values() for part in o.parts if part.path not in named):
        with failpoint("extract.delete"):
            run.lake.delete(part.path)
    with failpoint("extract.manifest"):
        run.lake.write(manifest_path(folder), manifest_text(manifest))


def _found(run: Extraction) -> Run:
    found = tuple(
        Found(
            table=partition.table,
            day=partition.day,
            rows=fingerprint.rows,
            checksum=fingerprint.checksum,
            schema_id=run.catalog.table(partition.table).schema_id,
        )
        for partition, fingerprint in run.found.items()
    )
    histories, anew = tuple(sorted(run.histories)), tuple(p for p in run.found if p in run.anew)
    return Run(sequence=run.sequence, found=found, histories=histories, evolved=dict(run.evolved), anew=anew)
