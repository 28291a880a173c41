"""Cloud Storage's emulator with Tillroll's corrections: `python -m emulators.storage --objects FOLDER`.

It listens on 127.0.0.1, keeps objects below FOLDER, where BigQuery's emulator reads them, and ends with SIGTERM, or
when the process that started it is gone.
"""

import argparse
import signal
import threading
from collections.abc import Sequence
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path

from emulators.servers import announce, parent_is_gone

HOST = "127.0.0.1"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the emulator until it is told to stop."""
    parser = argparse.ArgumentParser(prog="python -m emulators.storage", description=__doc__)
    parser.add_argument("--objects", type=Path, required=True, help="the folder to keep objects in")
    parser.add_argument("--port", type=int, default=0, help="port to listen on; 0 finds one")
    parser.add_argument("--url-file", type=Path, help="file to write the URL into once it answers")
    parser.add_argument("--bucket", action="append", default=[], help="bucket to make if it is not there")
    _serve(parser.parse_args(arguments))


def _serve(options: argparse.Namespace) -> None:
    from gcp_storage_emulator import storage
    from gcp_storage_emulator.handlers.buckets import create_bucket
    from gcp_storage_emulator.server import RequestHandler

    from emulators import storage_generations, storage_names, storage_requests

    for corrections in (storage_names, storage_generations, storage_requests):
        corrections.correct()
    objects = options.objects.resolve()
    storage.STORAGE_DIR = objects.name
    kept = storage.Storage(data_dir=str(objects.parent))
    for bucket in options.bucket:
        if kept.get_bucket(bucket) is None:
            create_bucket(bucket, kept)
    with ThreadingHTTPServer((HOST, options.port), partial(RequestHandler, kept)) as server:
        told = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: told.set())
        threading.Thread(target=server.serve_forever, daemon=True).start()
        announce(f"http://{HOST}:{server.server_port}", options.url_file)
        while not told.wait(timeout=1) and not parent_is_gone():
            storage_requests.keep(kept, objects)
        server.shutdown()
    storage_requests.keep(kept, objects)


if __name__ == "__main__":
    main()
