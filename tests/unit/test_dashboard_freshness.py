"""Which days are overdue: by the schedule, its deadline, the last published day and the clock."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from dashboard.freshness import overdue
from pipeline.embedded.airflow_environment import home
from pipeline.errors import ConfigurationError
from pipeline.settings import Settings

SCHEDULED = date(2026, 3, 1)


def settings(folder: Path, **more: Any) -> Settings:
    return Settings(_env_file=None, data_dir=folder, **({"schedule_from": SCHEDULED} | more))


@pytest.mark.parametrize(
    ("published", "now", "days"),
    [
        (date(2026, 3, 4), datetime(2026, 3, 6, 5, 59, tzinfo=UTC), None),
        (date(2026, 3, 4), datetime(2026, 3, 6, 6, 0, tzinfo=UTC), (date(2026, 3, 5), date(2026, 3, 5))),
        (date(2026, 3, 4), datetime(2026, 3, 8, 5, 59, tzinfo=UTC), (date(2026, 3, 5), date(2026, 3, 6))),
        (date(2025, 1, 1), datetime(2026, 3, 4, 6, 0, tzinfo=UTC), (SCHEDULED, date(2026, 3, 3))),
        (date(2025, 1, 1), datetime(2026, 2, 20, tzinfo=UTC), None),
        (date(2026, 9, 9), datetime(2026, 3, 20, tzinfo=UTC), None),
    ],
    ids=[
        "a minute early",
        "at the deadline",
        "two days",
        "from the schedule's first",
        "before it",
        "ahead of the clock",
    ],
)
def test_a_scheduled_day_is_overdue_from_its_deadline_on(
    tmp_path: Path, published: date, now: datetime, days: tuple[date, date] | None
) -> None:
    found = overdue(settings(tmp_path), published, now)

    assert (found and (found.first, found.last)) == days


def test_a_broken_file_of_the_schedule_is_named(tmp_path: Path) -> None:
    chosen = settings(tmp_path, schedule_from=None)
    (home(chosen)).mkdir(parents=True)
    (home(chosen) / "schedule.json").write_text('{"from": "soon"}')

    with pytest.raises(ConfigurationError, match=r"schedule\.json holds no day: 'soon'"):
        overdue(chosen, SCHEDULED, datetime(2030, 1, 1, tzinfo=UTC))


def test_without_a_deadline_or_a_schedule_nothing_is_overdue(tmp_path: Path) -> None:
    long_after = datetime(2030, 1, 1, tzinfo=UTC)

    assert overdue(settings(tmp_path, fresh_by=None), SCHEDULED, long_after) is None
    assert overdue(settings(tmp_path, schedule_from=None), SCHEDULED, long_after) is None
