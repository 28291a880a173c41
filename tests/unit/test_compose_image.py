"""The image's Dockerfile and .dockerignore, held to the lock, to docker-compose.yml and to the laptop's environment."""

import re
import tomllib
from fnmatch import fnmatch
from typing import Any

import pytest
import yaml
from packaging.specifiers import SpecifierSet

from pipeline.embedded.airflow_environment import SILENCE
from pipeline.settings import ROOT

SERVICES: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))["services"]
DOCKERFILE = (ROOT / "airflow" / "Dockerfile").read_text("utf-8")
IGNORED = (ROOT / ".dockerignore").read_text("utf-8")
INSTALLER = (ROOT / "airflow" / "installer.lock").read_text("utf-8")
PYTHONS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["requires-python"]


def faults_of_the_image(dockerfile: str) -> list[str]:
    """What makes an image that differs from the lock, or that its user could alter."""
    bases = re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)
    steps = dockerfile.replace("\\\n", " ").splitlines()
    installs = [step for step in steps if "pip install" in step]
    unhashed = [
        step for step in installs if "--require-hashes" not in step and "--no-deps --no-build-isolation" not in step
    ]
    python = re.fullmatch(r"python:(\d+\.\d+\.\d+)-slim-\w+", bases[0])
    users = re.findall(r"^USER (\S+)", dockerfile, re.MULTILINE)
    telemetry = [name for name, value in SILENCE.items() if f"{name}={value}" not in dockerfile]
    found = {
        "several bases": len(set(bases)) != 1,
        "no exact Python, or one that the project refuses": (
            python is None or python[1] not in SpecifierSet(PYTHONS)
        ),
        "packages without hashes": bool(unhashed),
        "not from the lock": not any("--constraint requirements.lock" in step for step in installs),
        "runs as root": users != [SERVICES["scheduler"]["user"]],
        "fetches by itself": bool(re.search(r"^ADD |curl |wget ", dockerfile, re.MULTILINE)),
        "another data folder": f"TILLROLL_DATA_DIR={_data_dir()}" not in dockerfile,
        f"reports home: {telemetry}": bool(telemetry),
    }  # fmt: skip
    return [fault for fault, is_there in found.items() if is_there]


def _data_dir() -> str:
    return str(SERVICES["scheduler"]["environment"]["TILLROLL_DATA_DIR"])


def test_the_image_is_what_the_lock_says() -> None:
    assert faults_of_the_image(DOCKERFILE) == []


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("python:3.11.15-slim-bookworm", "python:3.10.19-slim-bookworm"),
        ("python:3.11.15-slim-bookworm", "python:3.11-slim"),
        ("python:3.11.15-slim-bookworm AS", "python:3.11.14-slim-bookworm AS"),
        ("        --require-hashes --constraint", "        --constraint"),
        ("--constraint requirements.lock ", ""),
        ("--require-hashes -r installer.lock", "uv"),
        ("USER 1000:1000\n", ""),
        ("USER 1000:1000\n", "USER root\n"),
        ("DO_NOT_TRACK=1", "DO_NOT_TRACK=0"),
        ("COPY . ./", "ADD https://example.org/tillroll.tar.gz ./"),
    ],
)
def test_a_fault_planted_in_the_image_is_seen(right: str, wrong: str) -> None:
    assert right in DOCKERFILE
    assert faults_of_the_image(DOCKERFILE.replace(right, wrong)) != []


def test_the_installer_is_the_makefiles_and_hashed() -> None:
    version = re.search(r"^UV_VERSION := (\S+)", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)

    assert version is not None
    assert INSTALLER.startswith(f"uv=={version[1]} \\\n    --hash=sha256:")
    assert re.sub(r"\\\n", "", INSTALLER).count("==") == 1


def test_volumes_are_mounted_on_folders_that_the_image_makes() -> None:
    """A volume takes its owner from there; on a folder that is not, it would be root's."""
    made = re.search(r"install -d -o tillroll (?:.*\\\n)*.*", DOCKERFILE)
    mounts = {
        mount.split(":")[1]
        for service in SERVICES.values() if service["image"].startswith("tillroll:")
        for mount in service.get("volumes", []) if not mount.startswith("./")
    }  # fmt: skip

    assert made is not None
    assert mounts <= set(made[0].split())


def is_sent(path: str, ignored: str) -> bool:
    """Whether a file goes to the builder: the last pattern that fits it, or a folder above it, decides."""
    parts = path.split("/")
    prefixes = ["/".join(parts[: n + 1]) for n in range(len(parts))]
    sent = True
    for line in ignored.splitlines():
        pattern = line.strip().removeprefix("!")
        if not pattern or pattern.startswith("#"):
            continue
        anywhere = pattern.removeprefix("**/")
        fits = any(
            (fnmatch(prefix, pattern) and prefix.count("/") == pattern.count("/"))
            or (anywhere != pattern and fnmatch(prefix.rsplit("/", 1)[-1], anywhere))
            for prefix in prefixes
        )  # fmt: skip
        sent = line.startswith("!") if fits else sent
    return sent


@pytest.mark.parametrize(
    "path",
    [
        ".env", ".git/config", ".venv/bin/python", "config/key.json", "data/lake/source/csv/2025-01-01/customer.csv",
        "data/postgres/secrets.json", "dbt/target/run_results.json", "dbt/logs/dbt.log", "tests/conftest.py",
        "pipeline/__pycache__/settings.cpython-311.pyc", "tillroll.egg-info/PKG-INFO", "anything-new.json",
    ],
)  # fmt: skip
def test_neither_secrets_nor_data_nor_leavings_are_sent(path: str) -> None:
    assert not is_sent(path, IGNORED)


@pytest.mark.parametrize(
    "path",
    [
        "pyproject.toml", "requirements.lock", "README.md", "LICENSE", "config/tables.yml", "config/ingestion.yml",
        "airflow/installer.lock", "airflow/dags/ingest_to_postgres.py", "dbt/models/core/dim/dim_date.sql",
        "docker/airflow_health.py", "pipeline/settings.py", "ingestion/main_ingestion.py",
    ],
)  # fmt: skip
def test_what_the_image_is_made_of_is_sent(path: str) -> None:
    assert (ROOT / path).exists()
    assert is_sent(path, IGNORED)
    assert not is_sent(path, "*")
