"""on_failure_callback: one alert for each task that failed for good.

The alert is in the outbox before anything is sent: what the mail server does not take now, the sentinel sends later.
It runs in the task's process after the task's end is recorded. It never raises, and it gives up after a few seconds:
Airflow kills a task that does not come to its end.
"""

import logging
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pipeline.alerts.patience import within

logger = logging.getLogger(__name__)

# Seconds a callback may take; Airflow's own limit is [core] task_success_overtime, 20.
PATIENCE = 12.0

# Seconds after which it begins to send nothing more: on a busy machine the imports alone may take so long, and what is
# cut off while it is sent is for a minute nobody else's to try. The sentinel sends it at once.
SENDING = 5.0

RECORDED_BY = "callback"


def alert_failure(context: Mapping[str, Any]) -> None:
    """Alert people to the failure that `context` is about. Where that fails, the task's log says so, and why."""
    try:
        begin_by = time.monotonic() + SENDING
        within(PATIENCE, lambda: _alert(context, begin_by))
    except Exception:
        logger.exception("NO MAIL was sent about this failure")


def _alert(context: Mapping[str, Any], begin_by: float) -> None:
    # Here and not above: every parsing of a DAG file imports this module, and few runs fail.
    from pipeline.airflow_support.failure_context import failure_of, settings_for_alert
    from pipeline.airflow_support.layers import published_now
    from pipeline.alerts.channels import usable_channels
    from pipeline.alerts.delivery import deliver, send_unkept
    from pipeline.alerts.masking import secrets_of
    from pipeline.alerts.outbox import BRIEF_CLAIM, Outbox, OutboxBusyError
    from pipeline.alerts.routing_file import usable_routing
    from pipeline.errors import StepError

    settings = settings_for_alert()
    failure = failure_of(context, secrets_of(settings))
    alert = replace(failure, published=published_now(settings, failure.dag, failure.day)).alert()
    channels = usable_channels(settings)
    routing = usable_routing(settings, channels)
    try:
        outbox = Outbox.of(settings.data)
        outbox.record(alert, RECORDED_BY, routing)
    except OutboxBusyError as busy:
        # Sent without it, it would be sent again: the sentinel looks for what is in no outbox.
        logger.error("the sentinel will find this failure, and mail it: %s", busy)
        return
    except StepError:
        logger.exception("the outbox cannot be used; the alert is sent without it")
        send_unkept(alert, routing, channels)
        return
    delivered = deliver(outbox, channels, key=alert.key, begin_by=begin_by, lasting=BRIEF_CLAIM)
    for error in delivered.errors:
        logger.error("not mailed yet, and kept in the outbox, from where the sentinel sends it: %s", error)
    if delivered.arrived:
        logger.info("alerted people: %s", alert.title)
