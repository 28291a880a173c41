"""`make looking` on a laptop: what the published pages would cost, or that nothing is published."""

from pathlib import Path

import pytest
from published_marts import publish

from dashboard import cost_of_looking
from dashboard.cost_of_looking import published_costs
from dashboard.report import load_report
from dashboard.scanned_bytes import LEAST_BILLED
from pipeline.errors import DataError
from pipeline.settings import Settings

REPORT = load_report()


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("TILLROLL_DATA_DIR", str(tmp_path))
    Path(Settings.load().marts).parent.mkdir()
    return Settings.load()


def test_a_small_shop_pays_for_the_number_of_queries(settings: Settings) -> None:
    publish(Path(settings.marts))

    costs = published_costs(settings, REPORT)

    assert [cost.page.name for cost in costs] == [page.name for page in REPORT.pages]
    assert all(0 < cost.scanned < cost.billed == len(cost.queries) * LEAST_BILLED for cost in costs)


def test_the_program_says_what_each_page_costs(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    publish(Path(settings.marts))

    cost_of_looking.main()

    said = capsys.readouterr().out
    assert all(page.title in said for page in REPORT.pages)
    assert "104.9 MB" in said


@pytest.mark.parametrize("changes", [None, ("delete from bi_health",)])
def test_where_nothing_is_published_it_says_so(settings: Settings, changes: tuple[str, ...] | None) -> None:
    if changes:
        publish(Path(settings.marts), *changes)

    with pytest.raises(DataError, match="no day is published"):
        published_costs(settings, REPORT)
