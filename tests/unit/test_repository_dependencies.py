"""The lock file: complete, hashed, and free of any index's address."""

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from pipeline.settings import ROOT

LOCK = (ROOT / "requirements.lock").read_text("utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
REQUIREMENTS = [Requirement(text) for text in PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"]]
# A pinned package and all its hashes: continued lines up to the first that is not.
PINS = re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==(\S+)((?:.*\\\n)*.*)$", LOCK, re.MULTILINE)


@pytest.mark.parametrize("address", [r"--(extra-)?index-url", r"--find-links", r"--trusted-host", r"https?://", r" @ "])
def test_the_lock_names_no_place(address: str) -> None:
    assert re.findall(address, LOCK) == []


def test_every_pin_has_hashes() -> None:
    assert len(PINS) > 100
    assert [name for name, _, rest in PINS if "--hash=sha256:" not in rest] == []


def test_there_is_nothing_but_pins() -> None:
    """An unpinned line would be resolved anew on each machine."""
    starts = [line for line in LOCK.splitlines() if line and not line.startswith((" ", "#"))]

    assert [line for line in starts if "==" not in line] == []
    assert len(starts) == len(PINS)


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=str)
def test_the_lock_pins_what_the_project_asks_for(requirement: Requirement) -> None:
    versions = [version for name, version, _ in PINS if canonicalize_name(name) == canonicalize_name(requirement.name)]

    assert versions, f"{requirement.name} is not in requirements.lock; run `make lock`"
    assert all(requirement.specifier.contains(version, prereleases=True) for version in versions)
