"""Multi-statement transactions.

- bqemulator commits each statement, and puts back copies of the tables it knows of when a script fails; here the
  script's transaction is DuckDB's own.
- It commits a transaction that a script leaves open; BigQuery rolls it back.
- It allows what BigQuery refuses in a transaction: a second `begin`, and DDL other than of temporary things.
"""

import re
from typing import Any

from bqemulator.domain.errors import InvalidQueryError
from bqemulator.scripting.interpreter import ScriptInterpreter, ScriptResult
from bqemulator.scripting.parser import parse_script

_DDL = re.compile(r"\s*(?:create|drop|alter)\s(?!(?:or\s+replace\s+)?temp)", re.IGNORECASE)
_exec_sql = ScriptInterpreter._exec_sql


def correct() -> None:
    """Put the corrections in place; before the emulator starts."""
    ScriptInterpreter.run = _run
    ScriptInterpreter._exec_sql = _statement
    ScriptInterpreter._handle_txn_statement = _transaction
    ScriptInterpreter._snapshot_dml_targets = _nothing
    ScriptInterpreter._drop_txn_snapshots = _nothing


async def _run(script: Any, source: str) -> Any:
    try:
        for statement in parse_script(source).statements:
            await script._exec_statement(statement)
    finally:
        if script._active_txn is not None:
            _end(script, "rollback")
        if script._temp_routines is not None:
            script._temp_routines.cleanup()
    return ScriptResult(final_table=script._final_table, statements_executed=script._statements_executed)


async def _statement(script: Any, sql: str) -> None:
    if script._active_txn is not None and _DDL.match(sql):
        raise InvalidQueryError("DDL statements are not supported in a transaction, except for temporary entities")
    await _exec_sql(script, sql)


async def _transaction(script: Any, operation: str) -> None:
    if operation == "BEGIN":
        if script._active_txn is not None:
            raise InvalidQueryError("Transaction is already in progress")
        script._ctx.engine.execute("begin transaction")
        script._active_txn = {}
    elif script._active_txn is None:
        raise InvalidQueryError(f"There is no active transaction to {operation.lower()}")
    else:
        _end(script, operation.lower())


def _end(script: Any, how: str) -> None:
    script._active_txn = None
    script._ctx.engine.execute(how)


async def _nothing(script: Any, *_: Any) -> None:
    """The emulator's own way of rolling back, which is not needed."""
