"""Settings: what is documented is what there is, defaults work, mistakes are named, secrets stay hidden."""

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from ingestion.config import CONFIG_FOLDER, CONFIG_VARIABLE
from pipeline import settings as settings_module
from pipeline.errors import ConfigurationError
from pipeline.lake.folder import FolderLake
from pipeline.settings import ROOT, Settings
from pipeline.warehouse.duckdb import DuckDBWarehouse

EXAMPLE = (ROOT / ".env.example").read_text(encoding="utf-8")
# Every line of the example that would set a variable if its `#` were taken away.
DOCUMENTED = dict(re.findall(r"^#(TILLROLL_\w+)=(.*)$", EXAMPLE, re.MULTILINE))
VARIABLES = {f"TILLROLL_{name.upper()}" for name in Settings.model_fields}


@pytest.fixture(autouse=True)
def _nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the environment nor the user's .env."""
    for name in VARIABLES | {CONFIG_VARIABLE}:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setitem(Settings.model_config, "env_file", None)


def test_the_example_lists_every_setting_and_no_other() -> None:
    assert set(DOCUMENTED) == VARIABLES | {CONFIG_VARIABLE}


@pytest.mark.parametrize("variable", sorted(DOCUMENTED))
def test_the_example_explains_each_setting_in_words(variable: str) -> None:
    before = EXAMPLE[: EXAMPLE.index(f"#{variable}=")].splitlines()
    explanation = next(line for line in reversed(before) if not line.startswith("#TILLROLL_"))
    assert re.match(r"# \w", explanation), f"no comment above {variable}"


def test_the_example_changes_nothing_as_it_is() -> None:
    assert [line for line in EXAMPLE.splitlines() if line and not line.startswith("#")] == []


def test_the_example_shows_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    default = Settings()
    for variable, value in DOCUMENTED.items():
        monkeypatch.setenv(variable, value)

    assert Settings() == default


def test_the_example_names_the_ingesters_default_file() -> None:
    assert ROOT / DOCUMENTED[CONFIG_VARIABLE] == CONFIG_FOLDER / "ingestion.yml"


def test_every_setting_has_a_description() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


@pytest.mark.parametrize("folder", ["pipeline", "ingestion", "airflow", "dbt", "config"])
def test_every_variable_that_is_mentioned_exists(folder: str) -> None:
    """A remedy that names a setting which is not there would send its reader on a search."""
    files = [path for path in (ROOT / folder).rglob("*") if path.suffix in {".py", ".sql", ".yml", ".conf"}]
    mentioned = {name for path in files for name in re.findall(r"\bTILLROLL_[A-Z_]*[A-Z]\b", path.read_text("utf-8"))}

    assert {name for name in mentioned if not name.startswith("TILLROLL_DBT_")} <= VARIABLES | {CONFIG_VARIABLE}


def test_the_defaults_are_the_laptop() -> None:
    settings = Settings.load()

    assert settings.source == "shop"
    assert settings.source_url is None
    assert settings.data == ROOT / "data"
    assert settings.catalog_path == ROOT / "config" / "tables.yml"
    assert settings.lake == (ROOT / "data" / "lake").as_uri()
    assert settings.host == "127.0.0.1"


def test_relative_paths_are_relative_to_the_project(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TILLROLL_DATA_DIR", "elsewhere")
    monkeypatch.setenv("TILLROLL_CATALOG", "config/other.yml")

    settings = Settings.load()

    assert settings.data == ROOT / "elsewhere"
    assert settings.catalog_path == ROOT / "config" / "other.yml"


def test_absolute_paths_stay(tmp_path: Path) -> None:
    assert Settings(data_dir=tmp_path, catalog=tmp_path / "tables.yml").catalog_path == tmp_path / "tables.yml"
    assert Settings(data_dir=tmp_path).data == tmp_path


def test_google_is_asked_by_nobody_by_a_file_or_by_the_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(settings_module, "DEFAULT_KEY", tmp_path / "key.json")
    assert (Settings().google_anonymous, Settings().google_key) == (False, None)
    (tmp_path / "key.json").touch()

    assert Settings().google_key == tmp_path / "key.json"
    assert Settings(google_credentials="config/other.json").google_key == ROOT / "config" / "other.json"
    for nobody in ("anonymous", "Anonymous"):
        settings = Settings(google_credentials=nobody)
        assert (settings.google_anonymous, settings.google_key) == (True, None)


@pytest.mark.parametrize("name", ["plain", "a b", "100%", "C#", "what?", "ä"])
def test_any_folder_can_hold_the_data(tmp_path: Path, name: str) -> None:
    settings = Settings(data_dir=tmp_path / name)

    assert FolderLake.from_url(settings.lake).root == tmp_path / name / "lake"
    assert DuckDBWarehouse.from_url(settings.warehouse).path == tmp_path / name / "warehouse" / "warehouse.duckdb"
    assert Path(settings.marts) == tmp_path / name / "warehouse" / "datamart.duckdb"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("TILLROLL_SOURCE", "mysql"),
        ("TILLROLL_LOOKBACK", "-1"),
        ("TILLROLL_LOOKBACK", "a week"),
        ("TILLROLL_WORKERS", "0"),
        ("TILLROLL_SHARD_BYTES", "1"),
        ("TILLROLL_POSTGRES_PORT", "70000"),
        ("TILLROLL_MAXIMUM_BYTES_BILLED", "10485759"),
        ("TILLROLL_MAXIMUM_BYTES_BILLED", "10 GB"),
        ("TILLROLL_WAREHOUSE_MEMORY", "lots"),
        ("TILLROLL_WAREHOUSE_MEMORY", "512"),
        ("TILLROLL_WAREHOUSE_MEMORY", "9999999TB"),
        ("TILLROLL_WAREHOUSE_MEMORY", "-1GB"),
        ("TILLROLL_WAREHOUSE_MEMORY", "none"),
    ],
)
def test_a_wrong_value_is_named_by_its_variable(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    monkeypatch.setenv(variable, value)

    with pytest.raises(ConfigurationError, match=f"^{variable}: ") as raised:
        Settings.load()

    assert raised.value.exit_code == 2
    assert str(ROOT / ".env") in raised.value.remedy


@pytest.mark.parametrize("size", ["512MB", "2gb", "1.5GiB", " 1 TB ", "64000KiB", "50%"])
def test_a_size_that_is_taken_is_one_for_duckdb(tmp_path: Path, size: str) -> None:
    memory = Settings(warehouse_memory=size).warehouse_memory

    assert len(DuckDBWarehouse(tmp_path / "warehouse.duckdb", memory=memory).ledger()) == 0


def test_a_wrong_value_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be a secret that was pasted into the wrong line."""
    monkeypatch.setenv("TILLROLL_LOOKBACK", "hunter2")

    with pytest.raises(ConfigurationError) as raised:
        Settings.load()

    assert "hunter2" not in f"{raised.value!r} {raised.value}"


def test_secrets_are_not_shown() -> None:
    secret: Any = {"source_url": "postgresql://me:hunter2@db/shop", "smtp_url": "smtp://me:hunter2@mail:587"}
    settings = Settings(**secret)

    shown = f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"

    assert "hunter2" not in shown
    assert settings.source_url is not None
    assert settings.source_url.get_secret_value() == secret["source_url"]


@pytest.mark.parametrize("variable", ["TILLROLL_SOURCE_URL", "TILLROLL_SMTP_URL"])
@pytest.mark.parametrize("password", ["hunter@2", "25/hunter2", "25#hunter2", "25?hunter2", "[hunter2", "@hunter2@"])
def test_a_password_that_is_not_percent_encoded_is_refused_unseen(
    monkeypatch: pytest.MonkeyPatch, variable: str, password: str
) -> None:
    """Half of it would be taken for the host, which messages name."""
    monkeypatch.setenv(variable, f"{'smtp' if 'SMTP' in variable else 'postgresql'}://me:{password}@127.0.0.1:1/db")

    with pytest.raises(ConfigurationError, match=f"^{variable}: .*percent-encode the password") as raised:
        Settings.load()

    assert "hunter" not in f"{raised.value!r} {raised.value}"


def test_a_wrong_url_is_not_shown_to_who_makes_settings_in_code() -> None:
    wrong: Any = {"source_url": "postgresql://me:hunter@2@db/shop"}
    with pytest.raises(ValidationError) as raised:
        Settings(**wrong)

    assert "hunter" not in str(raised.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:a%40b%2Fc@db:5432/shop",
        "postgresql:///shop?host=/var/run&user=me@example.org",
        "postgresql://me:secret@[::1]:5432/shop?sslmode=require",
        "postgresql://db/shop",
        "host=db user=me password=a@b",
    ],
)
def test_a_url_that_is_right_is_taken(url: str) -> None:
    source_url = Settings(source_url=SecretStr(url)).source_url

    assert source_url is not None
    assert source_url.get_secret_value() == url


def test_an_empty_variable_means_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TILLROLL_SOURCE_URL", "")
    monkeypatch.setenv("TILLROLL_LOOKBACK", "")

    assert Settings.load() == Settings()


def test_recipients_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TILLROLL_ALERT_TO", " ann@example.org , bob@example.org,")

    assert Settings.load().alert_to == ("ann@example.org", "bob@example.org")


def test_a_dotenv_file_is_read_and_the_environment_wins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("TILLROLL_LOOKBACK=3\nTILLROLL_WORKERS=5\n")
    monkeypatch.setitem(Settings.model_config, "env_file", file)
    monkeypatch.setenv("TILLROLL_WORKERS", "4")

    settings = Settings.load()

    assert (settings.lookback, settings.workers) == (3, 4)
