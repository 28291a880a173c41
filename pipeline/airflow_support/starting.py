"""Servers that are being started do not answer yet: that is no news for as long as a start may take."""

from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta

from pipeline.airflow_support.airflow_troubles import servers_down
from pipeline.alerts.liveness import last_look
from pipeline.alerts.troubles import LONGEST_GAP, Trouble
from pipeline.embedded.health import Health
from pipeline.embedded.stack import UP_SECONDS
from pipeline.settings import Settings

STARTING_FOR = timedelta(seconds=UP_SECONDS)


def servers_watch(settings: Settings) -> Callable[[Collection[Health]], list[Trouble]]:
    """What says of each look at the servers which of them are down.

    Where nobody has watched for a while, all of them may be starting, each until it has answered once. A sentinel that
    goes on where one was killed has no more patience than that one had.
    """
    looked, answered = last_look(settings), set[str]()
    goes_on = looked is not None and datetime.now(UTC) - looked < LONGEST_GAP

    def down(servers: Collection[Health]) -> list[Trouble]:
        answered.update(server.server for server in servers if server.ok)
        started = [server for server in servers if goes_on or server.server in answered]
        starting = [server for server in servers if server not in started]
        return [*servers_down(started), *servers_down(starting, STARTING_FOR)]

    return down
