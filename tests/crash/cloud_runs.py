"""The runs of a nursery (see `cloud_nursery`): a day's sync, struck where a test says; and a reader of what comes.

Retries are the product's, and so is their number; only the time between them is shortened. So are a few sizes and times
by which a small shop meets what else only a large one would: uploads in pieces, a lease that runs out.
"""

import os
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any

import requests.adapters
from cloud_chain import read_chain
from cloud_marts import read_marts
from cloud_nursery import ENDED, REFUSED, TRANSIENT, serve
from cloud_reader import read_on
from strike import Strike, install

from pipeline.errors import TillrollError, TransientError
from pipeline.lake import gcs_writer
from pipeline.settings import Settings
from pipeline.steps import sync_day
from pipeline.warehouse import open_warehouse
from pipeline.warehouse.bigquery_lock import Lease

# A wait of fifteen seconds, the longest between two attempts, is one of a fifth of a second.
SLEEP_SCALE = 1 / 75
SMALLEST_PIECE = 256 * 1024
READERS = {"read": read_on, "read marts": read_marts, "read chain": read_chain}


def perform(task: dict[str, Any]) -> int:
    """What a task of the nursery says, in a process of its own."""
    os.environ.update(task["environment"])
    if task["do"] in READERS:
        READERS[task["do"]](task)
    _hurry(task)
    trace = Path(task["trace"]) if task.get("trace") else None
    install([Strike(**strike) for strike in task.get("strikes", [])], trace)
    settings = Settings.model_validate(task["settings"])
    try:
        if task["do"] == "show":
            open_warehouse(settings).show_marts()
        else:
            sync_day(settings, date.fromisoformat(task["day"]))
    except TransientError as error:
        sys.stderr.write(f"{task.get('day')}: {error.message}\n")
        return TRANSIENT
    except TillrollError as error:
        sys.stderr.write(f"{task.get('day')}: refused: {type(error).__name__}: {error.message}\n")
        return REFUSED
    return ENDED


def _hurry(task: dict[str, Any]) -> None:
    sleep = time.sleep
    time.sleep = lambda seconds: sleep(seconds * SLEEP_SCALE)
    gcs_writer.PIECE_BYTES = SMALLEST_PIECE
    Lease.__init__.__kwdefaults__.update(task.get("lease", {}))
    if "answer_within" in task:
        send = requests.adapters.HTTPAdapter.send

        def hurried(adapter: Any, request: Any, **more: Any) -> Any:
            assert more.get("timeout"), f"{request.method} {request.url} would wait for ever"
            return send(adapter, request, **{**more, "timeout": task["answer_within"]})

        requests.adapters.HTTPAdapter.send = hurried


if __name__ == "__main__":
    serve(perform)
