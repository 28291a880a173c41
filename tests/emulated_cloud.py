"""Google Cloud for tests: the emulators, started once, and a project of its own for every test."""

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from emulators.servers import Servers, running
from pipeline.settings import Settings

if TYPE_CHECKING:  # tests that need no cloud do not wait for its libraries
    from google.cloud import bigquery, storage

# What a test has to say to whoever runs all of them: a property of its report.
SAID = "said"

UNPROVEN = (
    "Google Cloud was emulated. Unproven without an account: pruning and billing, IAM, quotas, and the reattaching to "
    "jobs on the real service (docs/google-cloud.md)."
)


@dataclass(frozen=True)
class EmulatedCloud:
    """One project of the emulated cloud; datasets have fixed names, so nobody shares a project."""

    servers: Servers
    project: str
    location: str = "EU"

    @property
    def storage_url(self) -> str:
        return self.servers.storage_url

    @property
    def bigquery_url(self) -> str:
        return self.servers.bigquery_url

    def storage(self) -> "storage.Client":
        """A client of Cloud Storage."""
        from google.auth.credentials import AnonymousCredentials
        from google.cloud import storage

        return storage.Client(project=self.project, credentials=AnonymousCredentials())  # type: ignore[no-untyped-call]

    def bigquery(self, location: str | None = None) -> "bigquery.Client":
        """A client of BigQuery."""
        from google.auth.credentials import AnonymousCredentials
        from google.cloud import bigquery

        credentials = AnonymousCredentials()  # type: ignore[no-untyped-call]
        return bigquery.Client(project=self.project, credentials=credentials, location=location or self.location)

    def bucket(self, name: str = "lake") -> str:
        """The name of a fresh bucket, empty."""
        made = f"{name}-{uuid.uuid4().hex[:12]}"
        self.storage().create_bucket(made)
        return made

    def settings(self, folder: Path, **more: Any) -> Settings:
        """Settings of a pipeline that runs here, with a bucket of its own unless `lake_url` names one."""
        settings: dict[str, Any] = {
            "lake_url": more.get("lake_url") or f"gs://{self.bucket()}",
            "warehouse_url": f"bigquery://{self.project}/{self.location}",
            "google_credentials": "anonymous",
            "data_dir": folder,
        }
        return Settings(_env_file=None, **(settings | more))

    def environment(self) -> dict[str, str]:
        """The variables by which another process finds the emulators."""
        return self.servers.environment()

    def statements(self) -> list[dict[str, Any]]:
        """What was sent to BigQuery in this project so far: statement, default_dataset, dry_run, labels, …"""
        if not self.servers.record.exists():
            return []
        lines = self.servers.record.read_text("utf-8").splitlines()
        return [record for record in map(json.loads, lines) if record["project"] == self.project]


@pytest.fixture(scope="session")
def google_emulators(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Both emulators; Google's libraries in this process find them."""
    with running(tmp_path_factory.mktemp("google")) as servers, pytest.MonkeyPatch.context() as patch:
        for name, setting in servers.environment().items():
            patch.setenv(name, setting)
        yield servers


@pytest.fixture
def cloud(google_emulators: Servers) -> EmulatedCloud:
    """A project of this test's own in the emulated cloud."""
    return EmulatedCloud(google_emulators, f"tillroll-{uuid.uuid4().hex[:8]}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The emulators take seconds to start, and their answers add up: what needs them is not for the inner loop."""
    for item in items:
        if "google_emulators" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say what Google's analyzer was shown, and in one line what no test here can prove."""
    passed = terminalreporter.getreports("passed")
    for said in (text for report in passed for name, text in report.user_properties if name == SAID):
        terminalreporter.write_line(said)
    if any("test_parity" in report.nodeid for report in passed):
        terminalreporter.write_line(UNPROVEN)
