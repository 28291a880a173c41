"""What a transform has to do follows from what is published, what core was built from, and the dbt project alone."""

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.fingerprint import Fingerprint, Partition
from pipeline.ledger import LedgerEntry
from pipeline.transform_changes import (
    DATAMART,
    PROJECT,
    UNFINISHED,
    Change,
    Entries,
    compare_inputs,
    datamart_entry,
    is_finished,
    project_entry,
)

DAY = date(2025, 1, 31)
AT = datetime(2025, 2, 1, tzinfo=UTC)


def entry(table: str, day: int | None = None, checksum: int = 1, sequence: int = 1, schema: str = "a") -> LedgerEntry:
    partition = Partition(table, day and date(2025, 1, day))
    return LedgerEntry(partition, Fingerprint(10, checksum), schema, sequence, DAY, AT)


def by_partition(*entries: LedgerEntry) -> Entries:
    return {e.partition: e for e in entries}


PROJECT_AS_BUILT = replace(entry("x", checksum=7), partition=PROJECT)
PUBLISHED = by_partition(entry("sale", 1), entry("sale", 2), entry("visit", 2), entry("customer"))
BUILT = {**PUBLISHED, PROJECT: PROJECT_AS_BUILT}


def test_what_is_built_from_what_is_published_has_nothing_to_do() -> None:
    change = compare_inputs(PUBLISHED, PROJECT_AS_BUILT, {**BUILT, DATAMART: datamart_entry(BUILT, DAY)})

    assert change.partitions == frozenset()


@pytest.mark.parametrize(
    ("published", "days", "tables"),
    [
        (entry("sale", 2, checksum=2), (2,), ()),
        (entry("sale", 2, schema="b"), (2,), ()),
        (entry("visit", 3), (3,), ()),
        (entry("customer", checksum=2), (), ("customer",)),
    ],
)
def test_a_partition_published_since_is_a_change(
    published: LedgerEntry, days: tuple[int, ...], tables: tuple[str, ...]
) -> None:
    change = compare_inputs({**PUBLISHED, published.partition: published}, PROJECT_AS_BUILT, BUILT)

    assert change.days == tuple(date(2025, 1, day) for day in days)
    assert change.whole_tables == tables
    assert not change.everything


def test_a_partition_found_the_same_again_is_no_change() -> None:
    again = entry("sale", 2, sequence=2)

    assert not compare_inputs({**PUBLISHED, again.partition: again}, PROJECT_AS_BUILT, BUILT).partitions


def test_a_partition_that_is_gone_is_a_change() -> None:
    without = {p: e for p, e in PUBLISHED.items() if p != Partition("sale", date(2025, 1, 1))}

    change = compare_inputs(without, PROJECT_AS_BUILT, BUILT)

    assert change.days == (date(2025, 1, 1),)


def test_when_it_was_published_is_no_change() -> None:
    later = {p: replace(e, published_at=datetime.now(UTC), run_day=date(2025, 2, 2)) for p, e in PUBLISHED.items()}

    assert compare_inputs(later, PROJECT_AS_BUILT, BUILT).partitions == frozenset()


@pytest.mark.parametrize("transformed", [{}, {**BUILT, PROJECT: replace(PROJECT_AS_BUILT, schema_id=UNFINISHED)}])
def test_another_project_rebuilds_everything(transformed: Entries) -> None:
    assert compare_inputs(PUBLISHED, PROJECT_AS_BUILT, transformed).everything


entries = st.builds(
    entry,
    table=st.sampled_from(["sale", "visit"]),
    day=st.integers(1, 4),
    checksum=st.integers(1, 2),
    sequence=st.integers(1, 2),
)
ledgers = st.lists(entries).map(lambda found: by_partition(*found))


@given(published=ledgers, built=ledgers, later=ledgers)
def test_a_build_that_dies_leaves_its_days_to_the_next_one(published: Entries, built: Entries, later: Entries) -> None:
    """Whatever is published meanwhile, even what was there before: the next one finds every day the dead one began."""
    dead = compare_inputs(published, PROJECT_AS_BUILT, {**built, PROJECT: PROJECT_AS_BUILT})

    following = compare_inputs(later, PROJECT_AS_BUILT, by_partition(*dead.begun()))

    assert dead.partitions <= following.partitions
    assert is_finished(by_partition(*dead.begun())) == (not dead.partitions)


@given(published=ledgers, built=ledgers)
def test_a_build_that_ends_leaves_nothing_to_do(published: Entries, built: Entries) -> None:
    change = compare_inputs(published, PROJECT_AS_BUILT, built)
    done = by_partition(*change.done())

    assert compare_inputs(published, PROJECT_AS_BUILT, done) == Change(done, done, frozenset())
    assert is_finished(done)
    assert DATAMART not in done


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("dbt_project.yml", "models/a.sql", "target/compiled.sql", "notes.md"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(name)
    return tmp_path


def test_a_project_is_known_by_its_files(project: Path) -> None:
    first = project_entry(project, DAY, PUBLISHED)
    (project / "target" / "compiled.sql").write_text("rendered")
    (project / "notes.md").write_text("rewritten")

    assert project_entry(project, DAY, PUBLISHED) == first
    assert first.fingerprint.rows == 2


@pytest.mark.parametrize("change", ["edit", "rename", "add", "delete"])
def test_a_changed_project_is_another(project: Path, change: str) -> None:
    first = project_entry(project, DAY, PUBLISHED)
    model = project / "models" / "a.sql"
    match change:
        case "edit":
            model.write_text("select 1")
        case "rename":
            model.rename(model.with_name("b.sql"))
        case "add":
            model.with_name("c.sql").write_text("")
        case "delete":
            model.unlink()

    assert project_entry(project, DAY, PUBLISHED).fingerprint != first.fingerprint
