"""What a report says becomes troubles: what is wrong, how much of it, and the query that shows it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import pytest

from pipeline.alerts.data_troubles import seen_in
from pipeline.alerts.troubles import Trouble
from pipeline.audit import Difference
from pipeline.fingerprint import EMPTY, Fingerprint, Partition
from pipeline.reports import (
    AuditReport,
    ExtractReport,
    PublishReport,
    SyncReport,
    TableAudit,
    TransformReport,
    Warned,
)
from pipeline.settings import Settings

DAY = date(2025, 1, 3)
SETTINGS = Settings(_env_file=None)
EVOLVED = "column review.note is new (drift: evolve): it arrives, and review is published anew with all its history"
EXTRACT = ExtractReport(DAY, 9, {}, 0, 0, 0, (EVOLVED,), 0.1)
PUBLISH = PublishReport(DAY, {}, 0, {"rejected_review": 2}, 0.1)
WARNED = Warned("not_too_old", "dim_customer", 1, "select 1 as age")
CORE = TransformReport(DAY, "core", 1.0, models=3, tests=9, quarantined={"transaction": 1_200}, warned=(WARNED,))
DIFFERENCE = Difference(Partition("session", DAY), Fingerprint(9, 7), EMPTY)
AUDITED = TableAudit("session", 4, 40, 31, (DIFFERENCE,), (), published=True)


def troubles(report: object) -> Iterator[tuple[str, Trouble]]:
    return ((seen.watcher, trouble) for seen in seen_in(SETTINGS, report) for trouble in seen.troubles)


def sections(trouble: Trouble) -> dict[str, str]:
    return dict(trouble.sections)


@pytest.mark.parametrize(
    ("report", "watcher", "title", "size", "query"),
    [
        (CORE, "tests of core", "WARNING: dbt test not_too_old on dim_customer found 1 row", 1, "select 1 as age"),
        (CORE, "quarantine", "QUARANTINED 1,200 rows of transaction", 1200, "from staging.quarantine_transaction"),
        (PUBLISH, "rejected", "REJECTED 2 rows: see staging.rejected_review", 2, "from staging.rejected_review"),
        (SyncReport(EXTRACT, PUBLISH), "rejected", "REJECTED 2 rows: see staging.rejected_review", 2, "select reason"),
    ],
)
def test_rows_are_named_with_their_number_and_the_query_that_shows_them(
    report: object, watcher: str, title: str, size: int, query: str
) -> None:
    (trouble,) = (found for who, found in troubles(report) if who == watcher)

    assert (trouble.title, trouble.size, trouble.severity) == (title, size, "warning")
    assert query in sections(trouble)["To see them"]
    assert ("Day", "seen by the run for 2025-01-03") in trouble.facts


def test_a_changed_column_is_news_and_has_no_end() -> None:
    (seen,) = seen_in(SETTINGS, EXTRACT)
    (trouble,) = seen.troubles

    assert (seen.lasting, trouble.severity) == (False, "warning")
    assert trouble.title == "SCHEMA CHANGED: column review.note is new (drift: evolve)"
    assert sections(trouble)["What changed"] == EVOLVED


def test_a_table_that_differs_comes_with_both_sides() -> None:
    ((_, trouble),) = troubles(AuditReport(DAY, (AUDITED,), 1.0))

    assert (trouble.title, trouble.severity, trouble.size) == ("DIFFERS: 1 partition of session", "warning", 0)
    assert "session 2025-01-03: source 9 rows" in sections(trouble)["What differs"]
    source, staging = sections(trouble)["To see it"].splitlines()
    assert source.endswith("""where "created_at" >= '2025-01-03T00:00Z' and "created_at" < '2025-01-04T00:00Z';""")
    assert staging == """select * from staging."session" where cast("created_at" as date) = '2025-01-03';"""


def test_rows_that_were_changed_in_the_warehouse_are_an_error() -> None:
    altered = replace(AUDITED, altered=(DIFFERENCE.partition,))

    ((_, trouble),) = troubles(AuditReport(DAY, (altered,), 1.0))

    assert (trouble.severity, trouble.size) == ("error", 1)
    assert "--heal" in sections(trouble)["What to do"]


def test_of_many_differences_the_first_are_shown() -> None:
    many = replace(AUDITED, table="customer", differences=(replace(DIFFERENCE, partition=Partition("customer")),) * 9)

    ((_, trouble),) = troubles(AuditReport(DAY, (many,), 1.0))

    assert sections(trouble)["What differs"].endswith("… and 4 more")


@pytest.mark.parametrize(
    "report",
    [
        replace(EXTRACT, warnings=()),
        replace(PUBLISH, rejected={}),
        replace(CORE, quarantined={}, warned=()),
        AuditReport(DAY, (replace(AUDITED, differences=()),), 1.0),
    ],
)
def test_where_all_is_well_somebody_looked_and_saw_nothing(report: object) -> None:
    seen = list(seen_in(SETTINGS, report))

    assert seen
    assert not any(one.troubles for one in seen)


@pytest.mark.parametrize("report", [TransformReport(DAY, "core", 0.0), object()])
def test_what_was_not_looked_at_says_nothing(report: object) -> None:
    assert list(seen_in(SETTINGS, report)) == []


def test_only_core_looks_into_quarantine() -> None:
    assert [seen.watcher for seen in seen_in(SETTINGS, replace(CORE, dataset="datamart"))] == ["tests of datamart"]
