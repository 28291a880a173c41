"""The main job on Google Cloud, as far as it can be emulated: real servers, the real scheduler, a day through all DAGs.

Tasks sign in by Airflow's connection, which `tillroll up` makes from the settings; the command line by the settings.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date

import pytest
from dashboard_app import card, forgotten, opened, said
from emulated_cloud import EmulatedCloud
from installation import Installation, installed

from dashboard.report import load_report
from emulators.servers import Servers
from ingestion.expected import ExpectedDay, expected_totals
from pipeline.airflow_support.chain import CHAIN

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

DAY = date(2025, 1, 1)
PROJECT = "tillroll-chain"


@pytest.fixture(scope="module")
def cloud_of_module(google_emulators: Servers) -> EmulatedCloud:
    return EmulatedCloud(google_emulators, PROJECT)


@pytest.fixture(scope="module")
def installation(cloud_of_module: EmulatedCloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation that differs from a laptop's in settings only."""
    settings = {
        "TILLROLL_LAKE_URL": f"gs://{cloud_of_module.bucket()}/shop",
        "TILLROLL_WAREHOUSE_URL": f"bigquery://{PROJECT}/EU",
        "TILLROLL_GOOGLE_CREDENTIALS": "anonymous",
    }
    with installed(tmp_path_factory.mktemp("cloud"), settings) as installation:
        yield installation


def test_a_day_passes_through_all_dags_and_every_layer_equals_its_source(installation: Installation) -> None:
    done = installation.tillroll("chain", "--day", str(DAY))
    assert "every layer equals its source" in done.stdout
    assert installation.runs() == Counter((dag, str(DAY), "success") for dag in CHAIN)
    assert installation.mails() == []


def test_the_audit_says_equal(installation: Installation) -> None:
    assert "equal: every published partition" in installation.tillroll("audit").stdout


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_the_dashboard_shows_what_the_shop_says_it_did(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in installation.environment.items():
        monkeypatch.setenv(name, text)
    done = expected_totals(installation.source_url)

    with forgotten():
        _see_every_page(done)


def _see_every_page(done: Sequence[ExpectedDay]) -> None:
    app = opened("sales", days="all")

    assert "Equal to the source" in said(app)
    assert card(app, "Revenue (EUR)") == f"{sum(day.revenue for day in done):,}"
    assert card(app, "Units") == f"{sum(day.units for day in done):,}"
    for page in load_report().pages:
        shown = opened(page.name, days="all", rows="true")
        assert [title.value for title in shown.title] == [page.title]
        assert not shown.error, page.name
        assert len(shown.get("vega_lite_chart")) == sum(chart.type != "table" for chart in page.charts)


def test_each_step_has_labelled_its_jobs(cloud_of_module: EmulatedCloud) -> None:
    labels = [statement["labels"] or {} for statement in cloud_of_module.statements()]
    steps = {of_job["step"] for of_job in labels if of_job.get("app") == "tillroll"}
    assert {"audit", "publish", "transform_core", "transform_datamart", "show"} <= steps


def test_nothing_local_holds_the_rows(installation: Installation) -> None:
    assert not (installation.folder / "data" / "lake").exists()
    assert not (installation.folder / "data" / "warehouse").exists()


def test_the_doctor_finds_nothing_wrong(installation: Installation) -> None:
    said = installation.tillroll("doctor").stdout
    assert "gs://" in said
    assert f"bigquery://{PROJECT}/EU opens" in said
