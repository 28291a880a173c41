"""Settings: every choice a user can make, typed, from TILLROLL_* variables and `.env`.

Nothing else in the code reads the environment or knows where it runs. A URL that is not set means the laptop's own
server; `pipeline.embedded` knows its port and password.
"""

import re
from datetime import date, time
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import quote, unquote, urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from pipeline.errors import ConfigurationError

ROOT = Path(__file__).resolve().parent.parent
MARTS_FILE = "datamart.duckdb"
DEFAULT_KEY = ROOT / "config" / "key.json"


class Settings(BaseSettings):
    """Tillroll's settings. Relative paths are relative to the project's root, wherever the command is typed."""

    model_config = SettingsConfigDict(
        env_prefix="TILLROLL_",
        env_file=ROOT / ".env",
        env_file_encoding="utf-8",
        extra="ignore",
        env_ignore_empty=True,
        hide_input_in_errors=True,
    )

    # where it runs
    source: Annotated[
        Literal["shop", "external"],
        Field(description="`shop`: the practice shop fills the source; `external`: a real one does"),
    ] = "shop"
    source_url: Annotated[
        SecretStr | None, Field(description="postgresql://user:password@host:port/database; unset: embedded")
    ] = None
    lake_url: Annotated[str | None, Field(description="file:///folder or gs://bucket; unset: data/lake")] = None
    warehouse_url: Annotated[
        str | None, Field(description="duckdb:///file or bigquery://project/location; unset: data/warehouse")
    ] = None
    smtp_url: Annotated[
        SecretStr | None, Field(description="smtp://user:password@host:port or smtps://…; unset: the local inbox")
    ] = None

    # Google Cloud, where lake and warehouse are there
    google_credentials: Annotated[
        str,
        Field(description="a key file, or `anonymous`; unset: config/key.json if it is there, else the machine's own"),
    ] = ""
    maximum_bytes_billed: Annotated[
        int | None, Field(ge=10_485_760, description="BigQuery refuses a query that would bill more; unset: no limit")
    ] = None

    # Looker Studio, where the warehouse is BigQuery
    looker_host: Annotated[
        str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$", description="where Google serves Looker Studio")
    ] = "datastudio.google.com"
    looker_report: Annotated[
        str, Field(pattern=r"^[A-Za-z0-9_-]*$", description="id of the report that `tillroll looker-link` copies")
    ] = ""
    looker_billing_project: Annotated[
        str, Field(description="the project that pays for Looker Studio's queries; unset: the warehouse's")
    ] = ""

    # what is moved
    catalog: Annotated[Path, Field(description="the tables to move")] = Path("config/tables.yml")
    lookback: Annotated[int, Field(ge=0, description="days before the run's day that every run compares again")] = 7
    sweep: Annotated[
        int, Field(ge=0, description="older days of each daily table that every run compares, in turn")
    ] = 7
    vanishing_share: Annotated[
        float, Field(ge=0, le=1, description="part of a table's compared rows that may vanish without a question")
    ] = 0.1
    schedule_from: Annotated[
        date | None,
        Field(description="first day that Airflow's daily schedule takes; unset: the day of the first start"),
    ] = None
    shard_bytes: Annotated[
        int,
        Field(ge=1_000_000, le=3_000_000_000, description="size past which a day's CSV is continued in another file"),
    ] = 256_000_000
    workers: Annotated[int, Field(ge=1, le=64, description="tables read from the source at once")] = 2

    # what it means
    dbt_project: Annotated[
        str, Field(description="folder of the dbt project; `none`: publish only, and build no models")
    ] = "dbt"

    # where local state lives
    data_dir: Annotated[Path, Field(description="local state: lake, warehouse, servers, mail")] = Path("data")
    postgres_bin: Annotated[
        Path | None, Field(description="folder with PostgreSQL's programs; unset: from the wheel")
    ] = None
    warehouse_memory: Annotated[str, Field(description="most memory DuckDB takes before it spills to disk")] = "512MB"

    # the laptop's servers; 0 finds a free port and keeps it
    host: Annotated[str, Field(description="address servers listen on")] = "127.0.0.1"
    postgres_port: Annotated[int, Field(ge=0, le=65535, description="port of the embedded PostgreSQL")] = 0
    airflow_port: Annotated[int, Field(ge=0, le=65535, description="port of Airflow's web interface")] = 0
    smtp_port: Annotated[int, Field(ge=0, le=65535, description="port of the local inbox")] = 0
    sentinel_port: Annotated[int, Field(ge=0, le=65535, description="port of the sentinel's health endpoint")] = 0
    dashboard_port: Annotated[int, Field(ge=0, le=65535, description="port of the dashboard")] = 0

    # Airflow, where its parts are not all on this machine
    airflow_database_url: Annotated[
        SecretStr | None, Field(description="postgresql://… of Airflow's metadata; unset: embedded")
    ] = None
    airflow_api_url: Annotated[
        str | None, Field(description="http://… at which programs reach Airflow's web server; unset: this machine's")
    ] = None

    # alerts
    alert_to: Annotated[tuple[str, ...], NoDecode, Field(description="who is mailed, comma separated")] = (
        "data-team@localhost",
    )
    alert_urls: Annotated[
        SecretStr | None, Field(description="other channels than mail, as apprise's URLs, separated by spaces")
    ] = None
    alerts: Annotated[Path, Field(description="the rules on who hears of which alert, and when")] = Path(
        "config/alerts.yml"
    )
    heartbeat_url: Annotated[
        SecretStr | None, Field(description="a URL the sentinel asks for every minute: a dead-man's switch outside")
    ] = None
    fresh_by: Annotated[
        time | None,
        Field(description="UTC time by which a scheduled day must be published the day after; `none`: whenever"),
    ] = time(6)
    alert_from: Annotated[str, Field(description="sender of alert mail")] = "tillroll@localhost"

    @field_validator("alert_to", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("fresh_by", mode="before")
    @classmethod
    def _whenever(cls, value: object) -> object:
        return None if isinstance(value, str) and value.strip().lower() == "none" else value

    @field_validator("warehouse_memory")
    @classmethod
    def _size(cls, value: str) -> str:
        """What DuckDB takes for a size, refused here because DuckDB says so only once it opens the file."""
        if not re.fullmatch(r"\d{1,6}(\.\d+)? ?[KMGT]i?B|[1-9]\d?%", value.strip(), re.IGNORECASE):
            raise PydanticCustomError("size", "it is no size such as 512MB, 1.5GiB or 50%")
        return value.strip()

    @field_validator("source_url", "smtp_url", "airflow_database_url")
    @classmethod
    def _encoded(cls, url: SecretStr | None) -> SecretStr | None:
        """Refused here, because whoever connects takes a part of such a password for the host, and shows it."""
        if url is not None and _splits_elsewhere(url.get_secret_value()):
            raise PydanticCustomError(
                "url_password", "the URL splits in the wrong place: percent-encode the password (@ is %40, / is %2F)"
            )
        return url

    @cached_property
    def data(self) -> Path:
        """The data folder, absolute."""
        return (ROOT / self.data_dir).resolve()

    @cached_property
    def catalog_path(self) -> Path:
        """The catalog file, absolute."""
        return (ROOT / self.catalog).resolve()

    @cached_property
    def alerts_path(self) -> Path:
        """The file of rules on alerts, absolute."""
        return (ROOT / self.alerts).resolve()

    @property
    def dbt_folder(self) -> Path | None:
        """The dbt project's folder, absolute; None where there is none."""
        return None if self.dbt_project.lower() == "none" else (ROOT / self.dbt_project).resolve()

    @property
    def uses_google(self) -> bool:
        """Whether the lake or the warehouse is on Google Cloud."""
        return self.lake.startswith("gs://") or self.warehouse.startswith("bigquery://")

    @property
    def google_anonymous(self) -> bool:
        """Whether Google's services are asked without credentials, as emulators want it."""
        return self.google_credentials.lower() == "anonymous"

    @property
    def google_key(self) -> Path | None:
        """The file with Google credentials, absolute; None where the machine's own are used, or none at all."""
        if self.google_anonymous:
            return None
        if self.google_credentials:
            return (ROOT / self.google_credentials).resolve()
        return DEFAULT_KEY if DEFAULT_KEY.exists() else None

    @property
    def lake(self) -> str:
        """The lake's URL."""
        return self.lake_url or (self.data / "lake").as_uri()

    @property
    def warehouse(self) -> str:
        """The warehouse's URL."""
        return self.warehouse_url or f"duckdb://{quote(str(self.data / 'warehouse' / 'warehouse.duckdb'))}"

    @property
    def marts(self) -> str:
        """Where people read the marts: on the laptop a file of their own, which the writer never has open."""
        if self.warehouse.startswith("duckdb://"):
            return str(Path(unquote(urlsplit(self.warehouse).path)).with_name(MARTS_FILE))
        return self.warehouse

    @classmethod
    def load(cls) -> Self:
        """Settings from the environment and `.env`.

        Raises:
            ConfigurationError: a value is not what its setting takes; names the variable and where it was looked for.
        """
        try:
            return cls()
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            variable = "TILLROLL_" + str(first["loc"][0]).upper()
            raise ConfigurationError(
                f"{variable}: {first['msg']}",
                f"Set it in the environment or in {ROOT / '.env'}; .env.example explains it.",
            ) from None


def _splits_elsewhere(url: str) -> bool:
    """Whether a URL has an `@` besides the one before its host: a password that is not percent-encoded."""
    if "://" not in url:
        return False
    try:
        parts = urlsplit(url)
    except ValueError:  # a bracket, which leads a host that is a number
        return True
    in_query = "@" in parts.query and not parts.path  # ?user=a@b comes after a path
    return parts.netloc.count("@") > 1 or "@" in parts.path + parts.fragment or in_query
