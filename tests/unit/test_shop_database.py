"""Where the shop's database is: what `tillroll url shop` prints, else the variable, else one clear error."""

import sys
from pathlib import Path

import pytest

from ingestion.database import URL_VARIABLE, find_url
from ingestion.errors import ShopError


@pytest.fixture(autouse=True)
def nobody_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No variable, and a Python beside which there is no `tillroll`."""
    monkeypatch.delenv(URL_VARIABLE, raising=False)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))


def install(folder: Path, body: str) -> None:
    program = folder / "tillroll"
    program.write_text(f'#!/bin/sh\n[ "$*" = "url shop" ] || exit 9\n{body}\n', encoding="utf-8")
    program.chmod(0o755)


def test_tillroll_beside_python_is_asked_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    install(tmp_path, "echo postgresql://host/shop")
    monkeypatch.setenv(URL_VARIABLE, "postgresql://other")
    assert find_url() == "postgresql://host/shop"


def test_the_variable_serves_where_there_is_no_tillroll(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(URL_VARIABLE, "postgresql://mine")
    assert find_url() == "postgresql://mine"


def test_a_real_shop_is_never_filled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(URL_VARIABLE, "postgresql://real")
    monkeypatch.setenv("TILLROLL_SOURCE", "external")
    with pytest.raises(ShopError, match="never filled"):
        find_url()


def test_then_tillroll_on_the_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    install(tmp_path / "bin", "echo postgresql://host/shop")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    assert find_url() == "postgresql://host/shop"


@pytest.mark.parametrize(
    ("body", "said"),
    [("echo error: the port is gone >&2; exit 2", "is: the port is gone"), ("exit 0", "it printed nothing")],
)
def test_a_tillroll_that_cannot_say_is_quoted(tmp_path: Path, body: str, said: str) -> None:
    install(tmp_path, body)
    with pytest.raises(ShopError, match=said) as caught:
        find_url()
    assert "make up" in caught.value.remedy
    assert caught.value.exit_code == 2


def test_without_anybody_to_ask_the_variable_is_named() -> None:
    with pytest.raises(ShopError, match="TILLROLL_SOURCE_URL is not set"):
        find_url()
