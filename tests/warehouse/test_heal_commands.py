"""`tillroll audit --heal` and the options of `tillroll sync`, as somebody types them: output, exit codes, JSON."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import Result
from mail_catcher import MailCatcher, catching_mail
from pydantic import SecretStr
from small_shop import Shop
from typer.testing import CliRunner

from pipeline.alerts.outbox import Outbox
from pipeline.cli import audit as _audit  # noqa: F401 - adds the command
from pipeline.cli import steps as _steps  # noqa: F401 - adds the commands
from pipeline.cli.app import app
from pipeline.settings import Settings

pytestmark = pytest.mark.slow


@pytest.fixture
def inbox() -> Iterator[MailCatcher]:
    with catching_mail() as catcher:
        yield catcher


@pytest.fixture
def published(shop: Shop, inbox: MailCatcher, monkeypatch: pytest.MonkeyPatch) -> Shop:
    mailing = shop.settings.model_copy(update={"smtp_url": SecretStr(inbox.url)})
    monkeypatch.setattr(Settings, "load", lambda: mailing)
    shop.sync()
    return shop


def tillroll(*arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments])


def document(result: Result) -> Any:
    return json.loads(result.stdout)


def test_an_audit_says_what_heals_and_a_heal_says_what_it_did(published: Shop, inbox: MailCatcher) -> None:
    published.warehouse("update staging.sale set amount = 0 where sale_id = 20")

    found = tillroll("audit")
    assert found.exit_code == 1
    assert "changed in the warehouse since it was published" in found.stdout
    assert "`tillroll audit --heal`" in found.stderr
    assert sorted(rows_in_mail(published, inbox)) == [10, 10]

    healed = tillroll("audit", "--heal")
    assert healed.exit_code == 0, healed.output
    assert "healed: 1 partitions, 10 rows proven equal and published again" in healed.stdout
    assert "equal: every published partition up to 2025-01-10" in healed.stdout
    assert tillroll("audit").exit_code == 0
    assert [entry.alert.title for entry in Outbox.of(published.settings.data).entries()] == [
        "RESOLVED DIFFERS: 1 partition of sale",
        "DIFFERS: 1 partition of sale",
    ]


def rows_in_mail(shop: Shop, inbox: MailCatcher) -> Iterator[int]:
    """How many rows the queries in the only mail find, pasted as they stand: in the source, and in the warehouse."""
    (mail,) = inbox.messages
    assert mail["Subject"] == "[Tillroll] DIFFERS: 1 partition of sale"
    text = mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    source, staging = (line.strip() for line in text.splitlines() if line.strip().startswith("select *"))
    yield len(shop.source(source))
    yield len(shop.warehouse(staging))


def test_a_heal_of_what_is_equal_changes_nothing(published: Shop) -> None:
    healed = tillroll("audit", "--heal", "--json")

    assert healed.exit_code == 0
    assert document(healed)["synced"] is None


def test_a_heal_and_a_sync_ask_and_are_answered(published: Shop) -> None:
    published.execute("delete from ecommerce.sale where created_at < '2025-01-01Z'")
    for command in (("sync", "--day", "2025-01-10", "--sweep", "30"), ("audit", "--heal")):
        asked = tillroll(*command)
        assert asked.exit_code == 1
        assert "are these rows meant to be gone from the source?" in asked.stderr
    assert document(tillroll("sync", "--day", "2025-01-10", "--sweep", "0", "--json"))[0]["extract"]["planned"] == {}

    healed = tillroll("audit", "--heal", "--accept-vanishing", "--json")
    assert healed.exit_code == 0
    assert document(healed)["synced"]["publish"]["partitions"] == {"sale": 20}


def test_to_accept_is_for_what_publishes(published: Shop) -> None:
    refused = tillroll("audit", "--accept-vanishing")

    assert refused.exit_code == 2
    assert "--accept-vanishing is for --heal" in refused.stderr
