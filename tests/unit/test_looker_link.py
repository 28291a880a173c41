"""The link to Looker Studio: golden examples, what is encoded in it, and what it is refused for."""

from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from typer.testing import CliRunner

import pipeline.cli.looker  # noqa: F401  # adds the command
from pipeline.cli.app import app
from pipeline.errors import ConfigurationError
from pipeline.looker import DataSource, data_sources, linking_url
from pipeline.settings import Settings

SALES = DataSource("bi_sales", "Sales", has_days=True)
HEALTH = DataSource("bi_health", "Health & equality", has_days=False)


def settings(**more: str) -> Settings:
    return Settings(_env_file=None, **({"warehouse_url": "bigquery://shop-data-123456/EU"} | more))  # type: ignore[arg-type]


def test_a_copy_of_the_template_is_bound_to_this_projects_tables() -> None:
    url = linking_url(settings(looker_report="0B_U5RNpwhcE6SF85TENURnc4UjA"), [SALES, HEALTH], "Tillroll")

    assert url == (
        "https://datastudio.google.com/reporting/create?c.reportId=0B_U5RNpwhcE6SF85TENURnc4UjA&r.reportName=Tillroll"
        "&ds.bi_sales.connector=bigQuery&ds.bi_sales.datasourceName=Sales&ds.bi_sales.type=TABLE"
        "&ds.bi_sales.projectId=shop-data-123456&ds.bi_sales.datasetId=datamart&ds.bi_sales.tableId=bi_sales"
        "&ds.bi_sales.isPartitioned=true&ds.bi_sales.refreshFields=false"
        "&ds.bi_health.connector=bigQuery&ds.bi_health.datasourceName=Health%20%26%20equality&ds.bi_health.type=TABLE"
        "&ds.bi_health.projectId=shop-data-123456&ds.bi_health.datasetId=datamart&ds.bi_health.tableId=bi_health"
        "&ds.bi_health.refreshFields=false"
    )


def test_another_host_and_another_project_that_pays() -> None:
    url = linking_url(
        settings(looker_report="a1-b2", looker_host="lookerstudio.google.com", looker_billing_project="analysts-42"),
        [SALES],
        "Tillroll",
    )

    assert url == (
        "https://lookerstudio.google.com/reporting/create?c.reportId=a1-b2&r.reportName=Tillroll"
        "&ds.bi_sales.connector=bigQuery&ds.bi_sales.datasourceName=Sales&ds.bi_sales.type=TABLE"
        "&ds.bi_sales.projectId=shop-data-123456&ds.bi_sales.datasetId=datamart&ds.bi_sales.tableId=bi_sales"
        "&ds.bi_sales.billingProjectId=analysts-42&ds.bi_sales.isPartitioned=true&ds.bi_sales.refreshFields=false"
    )


def test_without_a_template_there_is_nothing_to_copy_and_google_numbers_the_sources() -> None:
    url = linking_url(settings(), [SALES, HEALTH], "Tillroll")

    assert url == (
        "https://datastudio.google.com/reporting/create?c.mode=edit&r.reportName=Tillroll"
        "&ds.ds0.connector=bigQuery&ds.ds0.datasourceName=Sales&ds.ds0.type=TABLE"
        "&ds.ds0.projectId=shop-data-123456&ds.ds0.datasetId=datamart&ds.ds0.tableId=bi_sales&ds.ds0.isPartitioned=true"
        "&ds.ds1.connector=bigQuery&ds.ds1.datasourceName=Health%20%26%20equality&ds.ds1.type=TABLE"
        "&ds.ds1.projectId=shop-data-123456&ds.ds1.datasetId=datamart&ds.ds1.tableId=bi_health"
    )


@pytest.mark.parametrize("name", ["Läden & Märkte", "50% + more?", "a=b#c/d", "売上"])
def test_any_name_arrives_as_it_was_written(name: str) -> None:
    url = linking_url(settings(), [SALES], name)

    assert url.isascii()
    assert not set(url) & set(" +")
    assert dict(parse_qsl(urlsplit(url).query, strict_parsing=True))["r.reportName"] == name
    assert urlsplit(url).fragment == ""


def test_a_project_may_have_a_domain() -> None:
    url = linking_url(settings(warehouse_url="bigquery://example.org:shop/EU"), [SALES], "Tillroll")

    assert "&ds.ds0.projectId=example.org%3Ashop&ds.ds0.datasetId=datamart&ds.ds0.tableId=bi_sales" in url


def test_a_file_is_nothing_that_looker_studio_reads(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="Looker Studio reads BigQuery") as raised:
        linking_url(Settings(_env_file=None, data_dir=tmp_path), [SALES], "Tillroll")

    assert "TILLROLL_WAREHOUSE_URL" in raised.value.remedy
    assert "tillroll up" in raised.value.remedy


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("TILLROLL_LOOKER_HOST", "https://lookerstudio.google.com"),
        ("TILLROLL_LOOKER_HOST", "example.org/evil?"),
        ("TILLROLL_LOOKER_REPORT", "https://datastudio.google.com/reporting/0B_U5/page/1M"),
    ],
)
def test_what_is_no_host_and_no_id_is_refused(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    monkeypatch.setenv(variable, value)

    with pytest.raises(ConfigurationError, match=f"^{variable}: "):
        Settings.load()


def test_a_specification_without_tables_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "report.yml"
    broken.write_text("pages: [{title: Sales}]")

    for path in (broken, tmp_path / "missing.yml"):
        with pytest.raises(ConfigurationError, match=path.name):
            data_sources(path)


def test_the_command_prints_the_link_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TILLROLL_WAREHOUSE_URL", "bigquery://shop-data-123456/EU")
    monkeypatch.setenv("TILLROLL_LOOKER_REPORT", "a1-b2")

    result = CliRunner().invoke(app, ["looker-link", "--name", "Shop"])

    assert result.exit_code == 0
    assert result.output == linking_url(settings(looker_report="a1-b2"), data_sources(), "Shop") + "\n"


def test_the_command_says_that_there_is_no_template(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TILLROLL_WAREHOUSE_URL", "bigquery://shop-data-123456/EU")

    result = CliRunner().invoke(app, ["looker-link"])

    assert result.stdout == linking_url(settings(), data_sources(), "Tillroll") + "\n"
    assert "TILLROLL_LOOKER_REPORT is not set" in result.stderr


def test_the_command_ends_in_one_error_on_a_laptop(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TILLROLL_DATA_DIR", str(tmp_path))

    result = CliRunner().invoke(app, ["looker-link"])

    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("error: Looker Studio reads BigQuery")
