"""Command `alerts test`: an alert that is only a test, and who hears of it by the rules in config/alerts.yml."""

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated

import typer

from pipeline.alerts.alert import Alert, Severity
from pipeline.alerts.channels import Channel
from pipeline.alerts.routing import Routing, Way
from pipeline.cli.alerts import commands
from pipeline.cli.console import out
from pipeline.errors import ConfigurationError
from pipeline.settings import Settings

Dag = Annotated[str, typer.Option(help="As if it were about this DAG.")]
Tag = Annotated[list[str] | None, typer.Option(help="As if that DAG had this tag; may be given several times.")]
Topic = Annotated[str, typer.Option(help="As if it were about this: `disk`, or `gcs_to_bq_staging.publish`.")]
HowBad = Annotated[Severity | None, typer.Option(help="As if it were so bad; an error, if not given.")]
RouteName = Annotated[str, typer.Option("--route", help="To those whom this route in config/alerts.yml names.")]


@commands.command(name="test")
def try_out(dag: Dag = "", tag: Tag = None, topic: Topic = "", severity: HowBad = None, route: RouteName = "") -> None:
    """Send an alert that is a test, now, and say who was to hear of it and what happened.

    It goes to everybody whom the settings or a route name. With --route: to those whom that route names. With another
    option: to those who would hear of an alert like that.

    Exit code 0: it was taken everywhere. 1: somewhere not, or the rules in config/alerts.yml are wrong.

    Example:  tillroll alerts test --dag gcs_to_bq_staging --tag warehouse
    """
    from pipeline.alerts.channels import channels_of
    from pipeline.alerts.trial import trial_alert

    settings, now = Settings.load(), datetime.now(UTC)
    channels = channels_of(settings)
    routing, well = _routing(settings, channels)
    about = trial_alert(now)
    about = replace(about, dag=dag, tags=tuple(tag or ()), topic=topic or about.topic)
    alert = routing.judged(replace(about, severity=severity or about.severity))
    ways = routing.every_way()
    if route:
        ways = routing.ways_of(route)
    elif dag or tag or topic or severity:
        out.print(_decided(routing, alert, now), markup=False)
        ways = routing.ways(alert)
    for way in ways:
        well = _try(way, channels[way.channel], alert) and well
    if not well:
        raise typer.Exit(1)


def _routing(settings: Settings, channels: Collection[str]) -> tuple[Routing, bool]:
    """The routing, and whether its rules are right; what is wrong with them is said."""
    from pipeline.alerts.routing_file import load_routing

    try:
        return load_routing(settings, channels), True
    except ConfigurationError as error:
        out.print(str(error), markup=False)
        return Routing.to(channels), False


def _decided(routing: Routing, alert: Alert, now: datetime) -> str:
    quiet_until = routing.quiet_until(alert, now)
    waits = f"; but for this test, it would wait until {quiet_until:%Y-%m-%d %H:%M} UTC" if quiet_until else ""
    return f"severity: {alert.severity}{waits}"


def _try(way: Way, channel: Channel, alert: Alert) -> bool:
    """Whether the channel takes it for everybody; that and why not is said."""
    name = f"{channel.name.partition(':')[0]} (route {way.route})" if way.route else channel.name
    try:
        refusals = channel.send(alert)
    except Exception as error:  # noqa: BLE001 - whatever it is, the other channels are tried too
        out.print(f"{name}: not taken for {channel.reaches}: {error}", markup=False)
        return False
    out.print(f"{name}: taken for {channel.reaches}", markup=False)
    for refusal in refusals:
        out.print(f"{name}: but not for {refusal.recipient}: {refusal.answer}", markup=False)
    return not refusals
