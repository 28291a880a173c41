"""What the process manager runs: a user of the embedded PostgreSQL who stays until it is told to go."""

import logging
import os
import signal
import sys
from threading import Event

from pipeline.embedded.keeper import die_with_parent
from pipeline.embedded.postgres import EmbeddedPostgres
from pipeline.settings import Settings

logger = logging.getLogger(__name__)


def main() -> int:
    """Use the server until told to stop. Returns 1 when the server goes away, so that it is started again."""
    parent = os.getppid()
    die_with_parent(signal.SIGTERM, parent)
    told_to_stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told_to_stop.set())
    with EmbeddedPostgres(Settings.load()).running() as server:
        logger.info("ready on port %s", server.cluster.ready_port())
        while not told_to_stop.wait(0.5) and os.getppid() == parent:
            if server.cluster.server() is None:
                logger.error("the server is gone; the end of %s says why", server.log)
                return 1
    return 0


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    sys.exit(main())
