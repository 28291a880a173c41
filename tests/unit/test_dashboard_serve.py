"""The dashboard's server asks no other machine, whoever asks it."""

from pathlib import Path

import pytest
from streamlit import net_util
from streamlit.web import bootstrap
from streamlit.web.server import server_util

from dashboard import serve

ELSEWHERE = "http://elsewhere.example"


def test_a_request_from_another_site_is_judged_without_asking_anybody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged: list[bool] = []
    asked: list[str] = []
    monkeypatch.setenv("TILLROLL_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(net_util, "get_external_ip", net_util.get_external_ip)  # is put back afterwards
    monkeypatch.setattr(net_util, "_external_ip", None)
    monkeypatch.setattr(net_util, "_make_blocking_http_get", lambda url, **_: asked.append(url))
    monkeypatch.setattr(bootstrap, "load_config_options", lambda _: None)
    monkeypatch.setattr(bootstrap, "run", lambda *_: judged.append(server_util.is_url_from_allowed_origins(ELSEWHERE)))
    server_util.is_url_from_allowed_origins(ELSEWHERE)
    assert asked  # so it is without us
    asked.clear()

    serve.main()

    assert judged == [False]
    assert asked == []
