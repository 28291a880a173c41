"""Commands `alerts list`, `show`, `flush`, `ack`: what people were alerted to, and whether it reached them."""

from datetime import datetime
from typing import Annotated

import typer

from pipeline.alerts.outbox import Outbox
from pipeline.alerts.outbox_entries import Delivery, Entry
from pipeline.cli.app import app
from pipeline.cli.console import out, table
from pipeline.cli.options import Json
from pipeline.errors import ConfigurationError
from pipeline.reports import to_json
from pipeline.settings import Settings

Key = Annotated[str, typer.Argument(help="The alert's key, as `alerts list` shows it, or its beginning.")]
All = Annotated[bool, typer.Option("--all", help="Those that somebody has acknowledged too.")]

commands = typer.Typer(no_args_is_help=True)
app.add_typer(commands, name="alerts")


@commands.callback()
def _alerts() -> None:
    """What people were alerted to, and whether it has reached them.

    Example:  tillroll alerts list
    """


@commands.command(name="list")
def list_(everything: All = False, json: Json = False) -> None:
    """List the latest hundred alerts that nobody has acknowledged, newest first.

    Example:  tillroll alerts list --all
    """
    entries = _outbox().entries(open_only=not everything)
    if json:
        print(to_json([_plain(entry) for entry in entries]))
        return
    rows = [
        (e.alert.key, _moment(e.recorded_at), e.recorded_by, e.alert.severity, e.alert.title, _arrival(e), _end(e))
        for e in entries
    ]
    table("", ["key", "recorded (UTC)", "by", "severity", "alert", "arrived", "over since (UTC)"], rows)
    if not entries:
        out.print("There are none." if everything else "There are none; `--all` shows those that are acknowledged too.")


@commands.command()
def show(key: Key, json: Json = False) -> None:
    """Show one alert in full, and every try to deliver it.

    Example:  tillroll alerts show 3f2a
    """
    entry = _entry(_outbox(), key)
    if json:
        print(to_json(_plain(entry)))
        return
    out.print(entry.alert.title, markup=False)
    for name, value in entry.alert.shown_facts:
        out.print(f"  {name:<10} {value}", markup=False)
    for title, text in entry.alert.sections:
        out.print(f"\n{title}\n{text}", markup=False)
    out.print()
    table("", ["channel", "tries", "delivered (UTC)", "last error"], [_tries(way) for way in entry.deliveries])


@commands.command()
def flush() -> None:
    """Try everything that waits to be sent now, without waiting for its turn.

    Exit code 0: nothing waits any more. 1: something still does.

    Example:  tillroll alerts flush
    """
    from pipeline.alerts.channels import channels_of
    from pipeline.alerts.delivery import deliver

    settings = Settings.load()
    outbox = Outbox.of(settings.data)
    waiting = outbox.hurry()
    delivered = deliver(outbox, channels_of(settings))
    out.print(f"{waiting} waited, {delivered.arrived} arrived")
    for error in sorted(set(delivered.errors)):
        out.print(f"  {error}", markup=False)
    if delivered.errors:
        raise typer.Exit(1)


@commands.command()
def ack(key: Key) -> None:
    """Acknowledge an alert: somebody takes care of it, and `alerts list` leaves it out.

    Example:  tillroll alerts ack 3f2a
    """
    outbox = _outbox()
    entry = _entry(outbox, key)
    outbox.acknowledge(entry.alert.key)
    out.print(f"acknowledged: {entry.alert.title}", markup=False)


def _outbox() -> Outbox:
    return Outbox.of(Settings.load().data)


def _entry(outbox: Outbox, beginning: str) -> Entry:
    found = outbox.find(beginning)
    if len(found) == 1:
        return found[0]
    what = f"{len(found)} alerts have keys that begin" if found else "no alert has a key that begins"
    raise ConfigurationError(f"{what} with {beginning!r}", "`tillroll alerts list --all` shows the keys.")


def _arrival(entry: Entry) -> str:
    missing = [way for way in entry.deliveries if not way.delivered_at]
    return "; ".join(f"{way.channel}: {_why_not(way) or f'not after {way.tries} tries'}" for way in missing) or "yes"


def _why_not(way: Delivery) -> str:
    """Why nobody tries to deliver it now; empty where it is being tried."""
    if way.refused:
        return "refused for good"
    return f"waits until {_moment(way.next_try_at)} UTC" if way.waits else ""


def _end(entry: Entry) -> str:
    return _moment(entry.resolved_at) if entry.resolved_at else ""


def _tries(way: Delivery) -> tuple[str, int, str, str]:
    arrived = _moment(way.delivered_at) if way.delivered_at else _why_not(way) or "not yet"
    return way.channel, way.tries, arrived, way.error


def _plain(entry: Entry) -> dict[str, object]:
    times = {
        "recorded_at": entry.recorded_at.isoformat(),
        "acknowledged_at": _iso(entry.acknowledged_at),
        "resolved_at": _iso(entry.resolved_at),
    }
    ways = [
        {
            "channel": w.channel,
            "tries": w.tries,
            "next_try_at": None if w.delivered_at or w.refused else _iso(w.next_try_at),
            "delivered_at": _iso(w.delivered_at),
            "error": w.error,
        }
        for w in entry.deliveries
    ]
    alert = entry.alert
    return {
        "key": alert.key,
        "topic": alert.topic,
        "title": alert.title,
        "severity": alert.severity,
        "dag": alert.dag,
        "tags": list(alert.tags),
        "raised_at": alert.raised_at.isoformat(),
        "recorded_by": entry.recorded_by,
        **times,
        "facts": dict(alert.facts),
        "sections": dict(alert.sections),
        "deliveries": ways,
    }


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}"
