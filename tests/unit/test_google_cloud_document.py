"""What docs/google-cloud.md has people set up is what the code asks for: datasets, roles, settings, error texts."""

import ast
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from functools import cache

import pytest

from pipeline import google_resources
from pipeline.lake.gcs import KEEP_TEMPORARY
from pipeline.lake.gcs_writer import WRITING
from pipeline.settings import ROOT, Settings
from pipeline.warehouse.base import CORE, DATAMART, STAGING
from pipeline.warehouse.bigquery_datasets import AUDIT, DATAMART_BUILD

TEXT = (ROOT / "docs" / "google-cloud.md").read_text("utf-8")
LONGEST = 250
BASH = shutil.which("bash") or "/bin/bash"
SHELL = re.findall(r"^```sh\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
COMMANDS = [block for block in SHELL if not block.startswith("TILLROLL_")]
ROLE = re.compile(r"\broles/[A-Za-z]+(?:\.[A-Za-z]+)?")
PERMISSION = re.compile(r"`((?:bigquery|storage|cloudsql)\.\w+\.\w+)`")
NOT_OURS = {"roles/viewer"}  # a basic role, named to be avoided


def rows_of(heading: str) -> Iterator[list[str]]:
    """The cells of every table below a heading, without the tables' heads."""
    section = TEXT.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    assert section, f"no section {heading}"
    for table in re.findall(r"(?:^\|.*\n)+", section, re.MULTILINE):
        for line in table.splitlines()[2:]:
            yield [cell.strip() for cell in line.strip("|").split(" | ")]


@pytest.mark.parametrize("block", COMMANDS, ids=range(len(COMMANDS)))
def test_commands_are_shell(block: str) -> None:
    checked = subprocess.run([BASH, "-n"], input=block, text=True, capture_output=True, check=False)

    assert checked.stderr == ""


def test_the_datasets_to_make_are_those_of_the_code() -> None:
    made = re.search(r"^for DATASET in (.*); do$", TEXT, re.MULTILINE)

    assert made
    assert set(made[1].split()) == {STAGING, CORE, DATAMART, AUDIT, DATAMART_BUILD}
    assert f"$PROJECT:{AUDIT}" in TEXT  # whose tables expire
    assert f"on schema \\`$PROJECT.{DATAMART}\\` to '$READERS'" in TEXT


def test_readers_get_the_marts_only() -> None:
    granted = re.findall(r"on schema \\`\$PROJECT\.(\S+)\\` to '\$READERS'", TEXT)

    assert granted == [DATAMART]


def test_the_lifecycle_rule_removes_leftovers_and_nothing_that_is_being_written() -> None:
    file = re.search(r"<<'EOF'\n(.*?)\nEOF", TEXT, re.DOTALL)
    assert file
    rule = json.loads(file[1])["rule"][0]

    assert rule["action"] == {"type": "Delete"}
    assert rule["condition"]["matchesPrefix"] == [f"{WRITING}/"]
    assert timedelta(days=rule["condition"]["age"]) > KEEP_TEMPORARY


def test_every_setting_that_is_named_exists() -> None:
    known = {f"TILLROLL_{name.upper()}" for name in Settings.model_fields}

    assert set(re.findall(r"TILLROLL_\w+", TEXT)) - known == set()


def test_the_settings_of_the_first_load_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    (block,) = (block for block in SHELL if block.startswith("TILLROLL_"))
    for line in block.splitlines():
        name, _, value = line.partition("=")
        monkeypatch.setenv(name, value)

    settings = Settings.load()

    assert settings.uses_google
    assert settings.lake.startswith("gs://")
    assert settings.warehouse.startswith("bigquery://")


def test_roles_are_those_of_the_remedies() -> None:
    named = {role for path in (ROOT / "pipeline").rglob("*.py") for role in ROLE.findall(path.read_text("utf-8"))}

    assert named
    assert named - set(ROLE.findall(TEXT)) == set()


@pytest.mark.parametrize(
    ("remedy", "granted"),
    [
        (google_resources.bucket("b").when_refused, 'buckets add-iam-policy-binding "gs://$BUCKET"'),
        (google_resources.project("p").when_refused, 'projects add-iam-policy-binding "$PROJECT"'),
        (google_resources.dataset("p", "d", "EU").when_refused, "grant"),
    ],
)
def test_what_a_remedy_grants_is_granted_beforehand(remedy: str, granted: str) -> None:
    lines = [line for block in COMMANDS for line in block.splitlines() if granted in line]

    for role in ROLE.findall(remedy):
        assert any(role in line for line in lines)


def test_every_granted_role_says_what_it_is_for() -> None:
    granted = {role for block in COMMANDS for role in ROLE.findall(block)} - {"roles/bigquery.resourceViewer"}
    explained = {role for cells in rows_of("3. Accounts and their roles") for role in ROLE.findall(cells[1])}

    assert granted <= explained


def test_roles_and_permissions_are_well_formed() -> None:
    roles, permissions = set(ROLE.findall(TEXT)), set(PERMISSION.findall(TEXT))

    assert {role for role in roles - NOT_OURS if not re.fullmatch(r"roles/[a-z]+\.[a-z][A-Za-z]+", role)} == set()
    assert len(permissions) > 10
    assert {name for name in permissions if not re.fullmatch(r"[a-z]+\.[a-zA-Z]+\.[a-z][A-Za-z]+", name)} == set()


@cache
def spoken() -> str:
    """Every text in the code of the product, each f-string with … for what it fills in."""
    texts = []
    for path in (ROOT / "pipeline").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.JoinedStr):
                parts = [str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values]
                texts.append("".join(parts))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.append(node.value)
    return "\n".join(texts)


def test_error_messages_that_are_explained_can_be_said() -> None:
    said = spoken()
    messages = [message for cells in rows_of("9. When it fails") for message in re.findall(r"\*([^*]+)\*", cells[0])]

    assert len(messages) > 12
    pieces = {piece.strip() for message in messages for piece in re.split(r"…|bucket gs://|project(?= …)", message)}
    assert [piece for piece in sorted(pieces) if piece not in said] == []


def test_a_text_that_nobody_says_is_seen() -> None:
    assert "the moon is switched off" not in spoken()


def test_it_can_be_read_in_one_go() -> None:
    assert len(TEXT.splitlines()) <= LONGEST
