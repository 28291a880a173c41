"""DuckDB below the emulator: started without the network, and with BigQuery's NUMERIC.

- bqemulator installs the extension `spatial` from the internet, and does not start without; only GEOGRAPHY needs it.
- DuckDB 2.0.0 breaks `row_number() … where rn = 1` over a timestamp that is cast to a date; the optimizer step that
  does so is switched off.
- bqemulator writes DECIMAL(18, 3) for NUMERIC in SQL; BigQuery's NUMERIC has 9 decimals and 29 digits before them.
- bqemulator copies a table at every write, for time travel that nobody uses here.
"""

import re
from typing import Any

from bqemulator.domain.events import TableDataChanged
from bqemulator.storage.engine import DuckDBEngine
from bqemulator.versioning.snapshots import SnapshotManager

NUMERIC = "DECIMAL(38, 9)"
_narrow = re.compile(r"\bDECIMAL\(18, 3\)")
_execute = DuckDBEngine.execute


def correct() -> None:
    """Put the corrections in place; before the emulator starts."""
    DuckDBEngine._load_spatial = _without_spatial
    DuckDBEngine.execute = _execute_wide
    SnapshotManager.record_change = _no_snapshot


def _without_spatial(engine: DuckDBEngine) -> None:
    engine.connection.execute("set disabled_optimizers = 'top_n_window_elimination'")


def _execute_wide(engine: DuckDBEngine, sql: str, parameters: list[Any] | None = None) -> Any:
    return _execute(engine, _narrow.sub(NUMERIC, sql), parameters)


def _no_snapshot(snapshots: SnapshotManager, project: str, dataset: str, table: str) -> None:
    snapshots._events.publish(TableDataChanged(project, dataset, table))
