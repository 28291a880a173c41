"""Docker's question to a container of Airflow: are you well? Exits with 1, and says why, if not.

    python airflow_health.py [scheduler | dag_processor]

Airflow's web server answers, for itself and for the heartbeats of the part that is named. `airflow jobs check` asks the
database the same, but takes seconds of processor time for it, every time.
"""

import json
import os
import sys
import urllib.request

SECONDS = 8


def ailment(url: str, part: str) -> str:
    """What is wrong with a part of Airflow, or with the web server if none is named; empty if nothing is."""
    try:
        with urllib.request.urlopen(f"{url}/api/v2/monitor/health", timeout=SECONDS) as answer:  # noqa: S310
            report = json.load(answer)
        status = report[part]["status"] if part else "healthy"
    except (OSError, ValueError, KeyError, TypeError) as error:
        return f"no answer from {url}: {error!r}"
    return "" if status == "healthy" else f"{part}: {status or 'no heartbeat yet'}"


if __name__ == "__main__":
    sys.exit(ailment(os.environ["TILLROLL_AIRFLOW_API_URL"], "".join(sys.argv[1:])) or None)
