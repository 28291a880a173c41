"""Volume per day: totals are met exactly, weekdays and seasons show, and the future does not change the past."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.config import IngestionConfig
from ingestion.rows import day_number
from ingestion.seasons import Calendar, apportion, demand, season

FIRST = day_number(date(2025, 6, 30))
CONFIG = IngestionConfig()


@given(st.lists(st.floats(0.01, 1000), min_size=1, max_size=200), st.integers(0, 10**6))
def test_apportioned_counts_add_up(shares: list[float], total: int) -> None:
    weights = np.array(shares)
    counts = apportion(weights, total)
    assert counts.sum() == total
    assert np.all(np.abs(counts - weights * total / weights.sum()) < 1)


def test_the_history_has_exactly_its_total() -> None:
    calendar = Calendar(CONFIG, FIRST, FIRST + 400, {"transaction": 16_500})
    assert calendar.start == FIRST - 89
    assert calendar.daily("transaction")[:90].sum() == 16_500


def test_a_later_last_day_changes_no_earlier_day() -> None:
    near = Calendar(CONFIG, FIRST, FIRST, {"review": 16_500}).daily("review")
    far = Calendar(CONFIG, FIRST, FIRST + 1000, {"review": 16_500}).daily("review")
    assert np.array_equal(near, far[:90])


def test_a_year_later_there_is_about_a_ninetieth_more_by_the_growth() -> None:
    totals = {"transaction": 16_500}
    counts = Calendar(CONFIG, FIRST, FIRST + 800, totals).daily("transaction")
    first_year, second_year = counts[90:454].sum(), counts[455:819].sum()
    assert second_year / first_year == pytest.approx(1 + CONFIG.demand.yearly_growth, rel=0.02)
    assert counts[90:97].mean() == pytest.approx(16_500 / 90, rel=0.25)


def test_december_and_saturday_sell_more() -> None:
    december, august = season(np.array([day_number(date(2025, 12, 12)), day_number(date(2025, 8, 4))]))
    assert december > 1.4 > 1.0 > august
    saturday, sunday = demand(np.array([day_number(date(2025, 5, 10)), day_number(date(2025, 5, 11))]), FIRST, 0.0)
    assert saturday > sunday * 1.1
