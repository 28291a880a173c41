"""What documents, mails and error messages promise exists: links, commands, options, targets, variables."""

import re
import tomllib
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import pytest
import typer.main

import pipeline.cli
from ingestion.config import CONFIG_VARIABLE
from pipeline.cli.app import app
from pipeline.settings import ROOT, Settings

README = ROOT / "README.md"
LONGEST_README = 200
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
# Error messages and DAG pages name commands too.
SPEAKING = ("pipeline", "ingestion", "airflow/dags", "benchmarks")
SOURCES = sorted(path for folder in SPEAKING for path in (ROOT / folder).rglob("*.py"))

PUBLIC_COMMANDS = {
    "ingest", "sync", "transform", "run", "audit", "backfill", "discover", "status", "doctor", "url", "up", "down",
}  # fmt: skip
PUBLIC_TARGETS = {"run", "test", "test-fast", "lint", "up", "down", "help"}

BLOCK = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"^ {4,}(?=\S)[^\n]*", re.MULTILINE)
INLINE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


@cache
def commands() -> dict[str, Any]:
    """The commands of the `tillroll` program; those of a group as `alerts list`, too."""
    for module in iter_modules(pipeline.cli.__path__, "pipeline.cli."):
        import_module(module.name)
    found = dict(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
    groups = {name: getattr(command, "commands", {}) for name, command in found.items()}
    return found | {f"{group} {name}": inner for group, some in groups.items() for name, inner in some.items()}


@cache
def targets() -> set[str]:
    """The targets of the Makefile that `make help` lists."""
    return set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))


def code_of(path: Path) -> list[str]:
    """What a document sets as code, and a Python file's text between backticks: one string per line or span."""
    text = path.read_text("utf-8")
    if path.suffix == ".py":
        return INLINE.findall(text)
    lines = [line for block in BLOCK.findall(text) for line in block.splitlines()]
    rest = BLOCK.sub("", text)
    return [*lines, *INDENTED.findall(rest), *INLINE.findall(rest)]


def problems_of(code: str) -> list[str]:
    """What this line of code asks for and is not there."""
    found = [f"make {name}" for name in re.findall(r"(?:^|[\s;&])make ([a-z][a-z-]*)", code) if name not in targets()]
    for call in re.findall(r"(?:^|[\s/;&(\"])tillroll ((?:[^|;&#)·]|\$\()*)", code):
        found += _problems_of_call(call.split())
    known = {f"TILLROLL_{name.upper()}" for name in Settings.model_fields} | {CONFIG_VARIABLE}
    variables = re.findall(r"\bTILLROLL_[A-Z_]*[A-Z]\b", code)
    return found + [name for name in variables if name not in known and not name.startswith("TILLROLL_DBT_")]


def _problems_of_call(words: list[str]) -> list[str]:
    names = [word for word in words if not word.startswith("-")]
    if not names or not re.fullmatch(r"[a-z][a-z-]*", names[0]):
        return []
    name = names[0]
    if name not in commands():
        return [f"tillroll {name}"]
    if name == "airflow":  # what follows is Airflow's
        return []
    if getattr(commands()[name], "commands", None) and names[1:]:
        name = f"{name} {names[1]}"
        if name not in commands():
            return [f"tillroll {name}"]
    options = {
        option for parameter in commands()[name].params for option in [*parameter.opts, *parameter.secondary_opts]
    }
    options |= {"--help", "-h", "--verbose", "-v"}
    used = re.findall(r"(?:^|\s)(--?[a-z][a-z-]*)", " ".join(words))
    return [f"tillroll {name} {option}" for option in used if option not in options]


@pytest.mark.parametrize(
    ("code", "problems"),
    [
        ("make run", []),
        ("make runn", ["make runn"]),
        (".venv/bin/tillroll frobnicate", ["tillroll frobnicate"]),
        ("tillroll sync --day 2025-01-01", []),
        ("tillroll sync --date 2025-01-01", ["tillroll sync --date"]),
        ('psql "$(tillroll url source)" -c "select 1"', []),
        ("tillroll airflow dags list --output json", []),
        ("make up && tillroll -v audti", ["tillroll audti"]),
        ("tillroll alerts list --all", []),
        ("tillroll alerts lits", ["tillroll alerts lits"]),
        ("tillroll alerts flush --all", ["tillroll alerts flush --all"]),
        ("TILLROLL_LOOK_BACK=3 tillroll sync", ["TILLROLL_LOOK_BACK"]),
    ],
)
def test_a_promise_that_is_not_kept_is_seen(code: str, problems: list[str]) -> None:
    assert problems_of(code) == problems


@pytest.mark.parametrize("path", [*DOCUMENTS, *SOURCES], ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_options_targets_and_variables_exist(path: Path) -> None:
    assert [problem for code in code_of(path) for problem in problems_of(code)] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    broken = [link for link in LINK.findall(BLOCK.sub("", path.read_text("utf-8"))) if not _leads(path, link)]

    assert broken == []


def _leads(path: Path, link: str) -> bool:
    if re.match(r"[a-z]+:", link):
        return True
    place, _, anchor = link.partition("#")
    target = (path.parent / place).resolve() if place else path
    return target.exists() and (not anchor or anchor in _anchors(target))


def _anchors(path: Path) -> set[str]:
    """Headings as GitHub makes them into anchors."""
    titles = re.findall(r"^#+ (.*)$", BLOCK.sub("", path.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_the_public_commands_are_there() -> None:
    assert commands().keys() >= PUBLIC_COMMANDS


def test_the_public_targets_are_there() -> None:
    assert targets() >= PUBLIC_TARGETS


def test_the_readme_shows_every_command() -> None:
    shown = {name for code in code_of(README) for name in re.findall(r"\btillroll ([a-z-]+)", code)}

    assert {name for name in commands() if " " not in name} - shown == set()


def test_the_readme_can_be_read_in_one_go() -> None:
    assert len(README.read_text("utf-8").splitlines()) < LONGEST_README


@pytest.mark.parametrize("name", sorted(commands()))
def test_every_command_has_help_with_an_example(name: str) -> None:
    text = commands()[name].help or ""

    assert len(text) > 40
    assert re.search(r"Examples?:", text), "no example"


def test_decisions_are_numbered_without_a_gap() -> None:
    decisions = sorted((ROOT / "docs" / "decisions").glob("*.md"))

    assert [int(path.name[:4]) for path in decisions] == list(range(1, len(decisions) + 1))
    assert [path.name for path in decisions if not _titled(path)] == []


def _titled(path: Path) -> bool:
    return path.read_text("utf-8").startswith(f"# {int(path.name[:4])}. ")


def test_the_changelog_knows_the_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]

    assert re.search(rf"^## \[{re.escape(version)}\]", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
