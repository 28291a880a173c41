"""What a disturbed run may say: nothing, where it was killed; else that it is done, or one error with a remedy."""

import signal
from collections.abc import Sequence

from schedules import Fault
from strike import Reached

from pipeline.cli.app import _LAST_REMEDY

_SHOWN = 1500


def ended_badly(status: int, output: str, *, silent: bool) -> str | None:
    """What is wrong with how a run ended; None where nothing is."""
    if status == 0:
        return None
    if status < 0:
        return None if silent else f"it died of signal {-status}: {_end(output)}"
    errors = [line for line in output.splitlines() if line.startswith("error: ")]
    if "Traceback" in output or "Logging error" in output:
        return f"a traceback: {_end(output)}"
    if len(errors) != 1 or output.count("remedy: ") != 1:
        return f"not one error with a remedy: {_end(output)}"
    if _LAST_REMEDY in output:
        return f"an error that nobody explains: {_end(output)}"
    return None


def _end(output: str) -> str:
    return output.strip()[-_SHOWN:]


def place_of_death(fault: Fault, trace: Sequence[Reached], status: int) -> tuple[bool, str]:
    """Whether the fault came, and at which failpoint."""
    if fault.kind.action is None:  # from the start: it hurt wherever the run ended
        return status != 0, trace[-1].failpoint if trace else fault.strike.failpoint
    if fault.kind.silent:
        return status == -signal.SIGKILL, fault.strike.failpoint
    moment = "after" if fault.strike.when == "after" else "before"
    times = [event for event in trace if (event.failpoint, event.moment) == (fault.strike.failpoint, moment)]
    return len(times) >= fault.strike.nth, fault.strike.failpoint
