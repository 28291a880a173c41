"""DuckDB below the emulator.

- bqemulator installs the extension `spatial` from the internet, and does not start without; only GEOGRAPHY needs it.
- DuckDB 2.0.0 breaks `row_number() … where rn = 1` over a timestamp that is cast to a date; the optimizer step that
  does so is switched off.
- bqemulator copies a table at every write, for time travel that nobody uses here.
"""

from bqemulator.domain.events import TableDataChanged
from bqemulator.storage.engine import DuckDBEngine
from bqemulator.versioning.snapshots import SnapshotManager

from emulators.bigquery_functions import MACROS


def correct() -> None:
    """Put the corrections in place; before the emulator starts."""
    DuckDBEngine._load_spatial = _prepare
    SnapshotManager.record_change = _no_copy


def _prepare(engine: DuckDBEngine) -> None:
    engine.connection.execute("set disabled_optimizers = 'top_n_window_elimination'")
    for macro in MACROS:
        engine.connection.execute(f"create or replace macro {macro}")


def _no_copy(snapshots: SnapshotManager, project: str, dataset: str, table: str) -> None:
    snapshots._events.publish(TableDataChanged(project, dataset, table))
