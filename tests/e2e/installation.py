"""A Tillroll of a test's own: a data folder, a small shop, and the servers, which run."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from pathlib import Path

from pipeline.airflow_support.runs import open_api
from pipeline.settings import Settings

SHOP = """
seed: 7
history_days: 10
volumes: {customers: 300, products: 120, stores: 8, sessions: 600, transactions: 200, reviews: 80}
"""


@dataclass(frozen=True)
class Installation:
    """A Tillroll of its own: data folder, shop, servers."""

    folder: Path
    environment: dict[str, str]

    @property
    def settings(self) -> Settings:
        return Settings(data_dir=self.folder / "data")

    @property
    def source_url(self) -> str:
        return self.tillroll("url", "source").stdout.strip()

    def tillroll(self, *arguments: str, expect: int = 0) -> subprocess.CompletedProcess[str]:
        command = [str(Path(sys.executable).parent / "tillroll"), *arguments]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == expect, f"tillroll {' '.join(arguments)}\n{done.stdout}\n{done.stderr}"
        return done

    def runs(self) -> Counter[tuple[str, str, str]]:
        """How often each DAG ran for each day, by state."""
        with open_api(self.settings) as api:
            runs = list(api.get_all("/dags/~/dagRuns", "dag_runs"))
        return Counter((run["dag_id"], run["partition_key"], run["state"]) for run in runs)

    def mails(self) -> list[EmailMessage]:
        files = sorted((self.folder / "data" / "mail").glob("*.eml"))
        return [BytesParser(policy=default).parsebytes(file.read_bytes()) for file in files]


@contextmanager
def installed(folder: Path, settings: Mapping[str, str] | None = None) -> Iterator[Installation]:
    """An installation whose servers are up for as long as the context lasts; `settings` are variables of its own."""
    (folder / "shop.yml").write_text(SHOP)
    inherited = {name: text for name, text in os.environ.items() if not name.startswith(("TILLROLL_", "AIRFLOW_"))}
    own = {"TILLROLL_DATA_DIR": str(folder / "data"), "TILLROLL_INGESTION_CONFIG": str(folder / "shop.yml")}
    installation = Installation(folder, {**inherited, **own, **(settings or {})})
    try:
        installation.tillroll("up")
        yield installation
    finally:
        installation.tillroll("down")
