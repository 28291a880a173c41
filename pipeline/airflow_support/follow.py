"""Follow the runs that one start of the chain leads to, and no others: a day may have been through it before."""

import time
from collections.abc import Iterator, Mapping
from datetime import date
from urllib.parse import quote

from pipeline.airflow_support.api import AirflowApi
from pipeline.airflow_support.states import QUEUED, RUNNING, SUCCESS, ChainState, DagState, run_url, task_instances
from pipeline.errors import TransientError

# Seconds for which runs may wait without one of them running; a scheduler that is well needs a few.
IDLE = 300


def follow(api: AirflowApi, chain: tuple[str, ...], heads: Mapping[date, str]) -> Iterator[list[ChainState]]:
    """Yield the state of every day of `heads` (day → id of the head's run), about once a second, until all are settled.

    Raises:
        TransientError: runs wait and none of them runs, for minutes.
    """
    follower = _Follower(api, chain, heads)
    last_activity = time.monotonic()
    while True:
        before, states = follower.states(), follower.poll()
        yield states
        if all(state.settled for state in states):
            return
        if before != states or any(dag.state == RUNNING for state in states for dag in state.dags):
            last_activity = time.monotonic()
        if time.monotonic() - last_activity > IDLE:
            raise TransientError(f"no run has moved for {IDLE} s", "Look at the scheduler: `tillroll status`.")
        time.sleep(1)


class _Follower:
    """Goes from each head's run to the runs it leads to.

    Asked which run led to which, the API fails while one of them is queued (500 on /assets/events, Airflow 3.3.2). But
    the run that took up our event was created after it: the first of the same day since our task's end.
    """

    def __init__(self, api: AirflowApi, chain: tuple[str, ...], heads: Mapping[date, str]) -> None:
        self._api = api
        self._chain = chain
        self._reached = {day: [self._state(chain[0], run, QUEUED)] for day, run in sorted(heads.items())}
        self._ended: dict[str, str] = {}

    def states(self) -> list[ChainState]:
        return [
            ChainState(day, (*reached, *(DagState(dag) for dag in self._chain[len(reached) :])))
            for day, reached in self._reached.items()
        ]

    def poll(self) -> list[ChainState]:
        active = {
            (run["dag_id"], run["dag_run_id"]): str(run["state"])
            for run in self._api.get_all("/dags/~/dagRuns", "dag_runs", state=[QUEUED, RUNNING], order_by="id")
        }
        for day, reached in self._reached.items():
            self._advance(day, reached, active)
        return self.states()

    def _advance(self, day: date, reached: list[DagState], active: Mapping[tuple[str, str], str]) -> None:
        last = reached[-1]
        if last.state in {QUEUED, RUNNING}:
            state = active.get((last.dag, last.run_id)) or self._final_state(last)
            reached[-1] = last = self._state(last.dag, last.run_id, state)
        if last.state == SUCCESS and len(reached) < len(self._chain):
            follower = self._successor(day, last, self._chain[len(reached)])
            if follower:
                reached.append(follower)

    def _final_state(self, dag: DagState) -> str:
        return str(self._api.get(f"/dags/{dag.dag}/dagRuns/{quote(dag.run_id)}")["state"])

    def _successor(self, day: date, finished: DagState, dag: str) -> DagState | None:
        if finished.run_id not in self._ended:
            ends = [task["end_date"] for task in task_instances(self._api, finished) if task["end_date"]]
            if not ends:
                return None
            self._ended[finished.run_id] = max(ends)
        runs = self._api.get(
            f"/dags/{dag}/dagRuns",
            partition_key_prefix_pattern=day.isoformat(),
            run_after_gte=self._ended[finished.run_id],
            order_by="run_after",
            limit=1,
        )["dag_runs"]
        return self._state(dag, runs[0]["dag_run_id"], runs[0]["state"]) if runs else None

    def _state(self, dag: str, run_id: str, state: str) -> DagState:
        return DagState(dag, state, run_id, run_url(self._api, dag, run_id))
