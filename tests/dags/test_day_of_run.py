"""Which day a run works on, for every way a run comes about."""

from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.airflow_support.day import day_of
from pipeline.errors import ConfigurationError

DAY = date(2025, 1, 31)


def run(conf: dict[str, Any] | None = None, **keys: Any) -> dict[str, Any]:
    return {"run_id": "r", "dag_run": SimpleNamespace(conf=conf), **keys}


@pytest.mark.parametrize(
    "context",
    [
        pytest.param(run(partition_key="2025-01-31"), id="scheduled, backfilled, or started by an asset"),
        pytest.param(run({"day": "2025-01-31"}), id="by hand, with a day"),
        pytest.param(run({"day": "2025-01-31"}, partition_key=None), id="by hand, no partition"),
        pytest.param(run(ds="2025-01-31"), id="by hand, with a logical date"),
        pytest.param(run({"day": None}, ds="2025-01-31"), id="by hand, the form's field left empty"),
        pytest.param({"ds": "2025-01-31"}, id="no run at all"),
    ],
)
def test_where_the_day_comes_from(context: dict[str, Any]) -> None:
    assert day_of(context) == DAY


def test_the_partition_comes_before_the_form_and_the_form_before_the_date() -> None:
    assert day_of(run({"day": "2025-02-01"}, partition_key="2025-01-31", ds="2025-02-02")) == DAY
    assert day_of(run({"day": "2025-01-31"}, ds="2025-02-02")) == DAY


@pytest.mark.parametrize("context", [{}, run(), run({}), run({"day": ""}), run({"other": "2025-01-31"})])
def test_a_run_without_a_day_says_how_to_give_one(context: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="partition key such as"):
        day_of(context)


@pytest.mark.parametrize("key", ["2025-02-30", "yesterday", "2025-01-31T00:00:00"])
def test_what_is_not_a_day_is_refused(key: str) -> None:
    with pytest.raises(ConfigurationError, match="not a day"):
        day_of(run(partition_key=key))
