"""BigQuery's emulator with Tillroll's corrections: `python -m emulators.bigquery --objects FOLDER`.

It listens on 127.0.0.1, reads `gs://bucket/object` from FOLDER/bucket/object, and ends with SIGTERM, or when the
process that started it is gone.
"""

import argparse
import asyncio
import os
import signal
from collections.abc import Sequence
from pathlib import Path

from emulators.servers import announce, parent_is_gone

HOST = "127.0.0.1"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the emulator until it is told to stop."""
    parser = argparse.ArgumentParser(prog="python -m emulators.bigquery", description=__doc__)
    parser.add_argument("--objects", type=Path, required=True, help="the folder with a folder for each bucket")
    parser.add_argument("--port", type=int, default=0, help="port to listen on; 0 finds one")
    parser.add_argument("--url-file", type=Path, help="file to write the URL into once it answers")
    parser.add_argument("--data-dir", type=Path, help="folder to keep tables in; without it they end with the process")
    parser.add_argument("--record", type=Path, help="file to append every statement to, one JSON object a line")
    asyncio.run(_serve(parser.parse_args(arguments)))


async def _serve(options: argparse.Namespace) -> None:
    _quiet()
    from bqemulator.config import PersistenceMode, Settings
    from bqemulator.server import EmulatorServer

    from emulators import (
        bigquery_copy,
        bigquery_ddl,
        bigquery_dialect,
        bigquery_door,
        bigquery_engine,
        bigquery_identifiers,
        bigquery_load,
        bigquery_scripts,
        bigquery_sql,
        bigquery_types,
    )

    for corrections in (
        bigquery_copy,
        bigquery_ddl,
        bigquery_dialect,
        bigquery_engine,
        bigquery_identifiers,
        bigquery_load,
        bigquery_scripts,
        bigquery_sql,
        bigquery_types,
    ):
        corrections.correct()
    bigquery_door.correct(options.record)
    persistent = PersistenceMode.PERSISTENT if options.data_dir else PersistenceMode.EPHEMERAL
    server = EmulatorServer(
        Settings(
            rest_host=HOST,
            rest_port=options.port,
            grpc_host=HOST,
            grpc_port=0,
            persistence_mode=persistent,
            data_dir=options.data_dir,
            gcs_local_root=options.objects,
            enable_format_extensions=False,
            log_level="error",
        )
    )
    await server.start()
    announce(f"http://{HOST}:{server.rest_port}", options.url_file)
    try:
        await _until_told()
    finally:
        await server.stop()


async def _until_told() -> None:
    told = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    while not told.is_set() and not parent_is_gone():
        try:
            await asyncio.wait_for(told.wait(), timeout=1)
        except TimeoutError:
            continue


def _quiet() -> None:
    """No settings from elsewhere, and nothing is reported to anybody."""
    for name in [name for name in os.environ if name.startswith(("BQEMU_", "OTEL_"))]:
        del os.environ[name]
    os.environ["OTEL_SDK_DISABLED"] = "true"


if __name__ == "__main__":
    main()
