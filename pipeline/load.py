"""What to publish for a day: what its extract found in the source, as far as the warehouse does not hold it yet.

The day's manifest and the ledger decide, and nothing else. A partition that an older snapshot found never replaces one
of a newer; one that is published already is confirmed for the snapshot that found it equal, so that objects which an
unfinished run left in the lake before that can never come back.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache, partial

from pipeline.catalog import Catalog, Table
from pipeline.drift import with_evolved
from pipeline.errors import CorruptObjectError, DataError
from pipeline.extract import read_manifest
from pipeline.fingerprint import Partition
from pipeline.lake.base import Lake
from pipeline.ledger import Ledger, LedgerEntry
from pipeline.manifest import Found, LakeObject, Manifest, Run
from pipeline.rejected import NO_DAY, rejected_table, with_rejected

# A day's manifest, each read once.
Manifests = Callable[[date], Manifest | None]


@dataclass(frozen=True, slots=True)
class Work:
    """Objects to load, by table; and entries of the ledger that an extract has found to be the source's still.

    `altered` are those of the loaded partitions of which the ledger says the same: whoever has read the published rows
    since, has read others.
    """

    load: dict[Table, list[LakeObject]] = field(default_factory=dict)
    confirmed: list[LedgerEntry] = field(default_factory=list)
    altered: set[Partition] = field(default_factory=set)


def work_of_day(lake: Lake, catalog: Catalog, ledger: Ledger, day: date) -> Work:
    """What the run for `day` publishes.

    Raises:
        CorruptObjectError: an object or a manifest is not what it should be, or is gone.
        DataError: the day was not extracted, or with another catalog.
    """
    manifests: Manifests = cache(partial(read_manifest, lake))
    manifest = manifests(day)
    if manifest is None or manifest.run is None:
        raise DataError(f"the lake has no manifest of a run for {day}", _extract_again(day))
    run, work = manifest.run, Work()
    catalog = with_evolved(catalog, run.evolved)
    found = {table: [f for f in run.found if f.table == table.name] for table in with_rejected(catalog)}
    for table in catalog:
        _check(table, found[table], run, ledger, day)
    for table in with_rejected(catalog):
        for one in found[table]:
            _decide(one, table, run, ledger, manifests, day, work)
    for table in catalog:
        _drop_outdated(table, work, ledger)
    _verify(lake, work.load.values(), day)
    return work


def _check(table: Table, found: Sequence[Found], run: Run, ledger: Ledger, day: date) -> None:
    if not found or found[0].schema_id != table.schema_id:
        raise DataError(f"{table.name} was extracted for {day} with another catalog", _extract_again(day))
    if ledger.knows(table):
        return
    if any(entry.sequence > run.sequence for p, entry in ledger.items() if p.table == table.name):
        if not all(_is_newer(ledger.get(one.partition), run.sequence) for one in found):
            raise DataError(f"{table.name} was published since with other columns", _extract_again(day))
    elif table.is_daily and table.name not in run.histories:
        raise DataError(
            f"{table.name} is not published any more, and the extract for {day} holds only its latest days",
            _extract_again(day),
        )


def _decide(found: Found, table: Table, run: Run, ledger: Ledger, manifests: Manifests, day: date, work: Work) -> None:
    if _is_newer(ledger.get(found.partition), run.sequence):
        return
    published = ledger.current(found.partition, table.schema_id)
    if published and published.fingerprint == found.fingerprint and found.partition not in run.anew:
        work.confirmed.append(replace(published, sequence=run.sequence))
        return
    if found.partition in run.anew:
        work.altered.add(found.partition)
    work.load.setdefault(table, []).append(_object(found, run.sequence, manifests, day))


def _is_newer(published: LedgerEntry | None, sequence: int) -> bool:
    """Whether the partition is published as a later snapshot found it, or this one, whatever its columns were."""
    return published is not None and published.sequence >= sequence


def _drop_outdated(table: Table, work: Work, ledger: Ledger) -> None:
    """Leave out a table's rejected rows of which a newer snapshot has seen nothing any more.

    Where nothing is rejected there is no partition that could say so: its table's sequence does.
    """
    companion = rejected_table(table)
    seen = {p: entry.sequence for p, entry in ledger.items() if p.table == table.name}
    seen |= {found.partition: found.sequence for found in work.load.get(table, ())}
    newest = max(seen.values(), default=0)

    def is_current(found: LakeObject) -> bool:
        by_day = ledger.knows(table) and found.day != NO_DAY
        return (seen.get(Partition(table.name, found.day), 0) if by_day else newest) <= found.sequence

    if objects := [found for found in work.load.pop(companion, ()) if is_current(found)]:
        work.load[companion] = objects


def _object(found: Found, sequence: int, manifests: Manifests, day: date) -> LakeObject:
    """The object that holds what was found. One of a later extract holds what the source had later: newer still."""
    manifest = manifests(found.day or day)
    held = manifest.objects.get(found.table) if manifest else None
    if held and (held.partition, held.schema_id) == (found.partition, found.schema_id):
        same = held.sequence == sequence and held.fingerprint == found.fingerprint
        if same or held.sequence > sequence:
            return held
    if held and held.partition == found.partition and held.sequence > sequence:
        raise DataError(f"{found.partition.label} was extracted since with other columns", _extract_again(day))
    raise CorruptObjectError(
        f"the lake does not hold {found.partition.label} as the extract for {day} found it", _extract_again(day)
    )


def _verify(lake: Lake, chosen: Iterable[Sequence[LakeObject]], day: date) -> None:
    for part in (part for objects in chosen for o in objects for part in o.parts):
        if not lake.matches(part):
            raise CorruptObjectError(
                f"{part.path} is not what its manifest says ({part.bytes} bytes, crc32c {part.crc32c})",
                _extract_again(day),
            )


def _extract_again(day: date) -> str:
    return f"Extract the day again, which writes what is missing or damaged anew: `tillroll sync --day {day}`."
