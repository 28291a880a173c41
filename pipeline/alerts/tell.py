"""Tell people what the report of a step, or of an audit, says of the data. No step fails for it, or waits for long."""

import logging
from dataclasses import replace
from functools import partial
from typing import Any

from pipeline.alerts.alert import Alert
from pipeline.alerts.channels import usable_channels
from pipeline.alerts.data_troubles import seen_in
from pipeline.alerts.delivery import deliver
from pipeline.alerts.masking import mask, secrets_of
from pipeline.alerts.outbox import BRIEF_CLAIM, Outbox
from pipeline.alerts.patience import within
from pipeline.alerts.routing_file import usable_routing
from pipeline.alerts.troubles import note
from pipeline.settings import Settings

logger = logging.getLogger(__name__)

# Seconds that a step, or a command, may take longer for it.
PATIENCE = 12.0


def tell(settings: Settings, report: Any, dag: str = "", tags: tuple[str, ...] = ()) -> None:
    """Alert people to what a report says that they should know. `dag` and `tags` are of the DAG that it comes from.

    It never raises, and gives up after a few seconds. What is recorded and not sent by then, the sentinel sends.
    """
    try:
        within(PATIENCE, lambda: _tell(settings, report, dag, tags))
    except Exception as error:  # noqa: BLE001 - whatever it is, the step is done
        logger.warning("not everybody is alerted to what the report says: %s", mask(str(error), secrets_of(settings)))


def _tell(settings: Settings, report: Any, dag: str, tags: tuple[str, ...]) -> None:
    seen = list(seen_in(settings, report))
    if not any(one.troubles for one in seen) and not Outbox.exists(settings.data):
        return  # nothing is wrong, and nothing was before
    hide = partial(mask, secrets=secrets_of(settings))
    outbox, channels = Outbox.of(settings.data), usable_channels(settings)
    routing = usable_routing(settings, channels)
    alerts: list[Alert] = []
    for one in seen:
        troubles = [replace(trouble.told(hide), dag=dag, tags=tags) for trouble in one.troubles]
        alerts += note(outbox, one.watcher, troubles, routing, lasting=one.lasting)
    for alert in alerts:
        logger.info("people hear of it: %s", alert.title)
        deliver(outbox, channels, key=alert.key, lasting=BRIEF_CLAIM)
