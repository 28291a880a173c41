"""Tasks that wait and are not started, and what holds them up: a full pool, a paused DAG, a busy executor.

A task waits for its pool in the state *scheduled*, and for the executor in the state *queued*. That a pool is full, or
the executor busy, is as it should be, for as long as those who hold it change: so each set of holders is a trouble of
its own. What holds up a thousand tasks is one trouble, and not a thousand.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import cache
from hashlib import sha256
from itertools import groupby
from typing import Any

from pipeline.airflow_support.api import AirflowApi
from pipeline.airflow_support.dag_details import details_of
from pipeline.airflow_support.states import QUEUED, RUNNING, task_url
from pipeline.alerts.alert import Pair
from pipeline.alerts.troubles import Trouble

WAITS_FOR = timedelta(minutes=15)
SCHEDULED = "scheduled"
EVERY_TASK = "/dags/~/dagRuns/~/taskInstances"
LONGEST_LIST = 20

# As the API describes them.
Task = dict[str, Any]
Pool = dict[str, Any]


def stuck_tasks(api: AirflowApi) -> list[Trouble]:
    """What holds tasks up now; people hear of what does for long. Raises TransientError."""
    waiting = _tasks(api, [QUEUED, SCHEDULED])
    if not waiting:
        return []
    paused = {dag["dag_id"] for dag in api.get_all("/dags", "dags", paused=True) if dag["is_paused"]}
    pools = {pool["name"]: pool for pool in api.get_all("/pools", "pools")}
    tags_of = cache(lambda dag: details_of(api, dag).tags)
    troubles = _troubles(api, waiting, paused, pools)
    return [replace(trouble, tags=tags_of(trouble.dag)) if trouble.dag else trouble for trouble in troubles]


def _troubles(
    api: AirflowApi, waiting: list[Task], paused: Collection[str], pools: Mapping[str, Pool]
) -> Iterator[Trouble]:
    queued = [task for task in waiting if task["state"] == QUEUED]
    of_paused = [task for task in waiting if task["state"] == SCHEDULED and task["dag_id"] in paused]
    others = [task for task in waiting if task["state"] == SCHEDULED and task["dag_id"] not in paused]
    held = [task for task in others if not _has_room(pools.get(task["pool"]), task)]
    free = [task for task in others if _has_room(pools.get(task["pool"]), task)]
    running = _tasks(api, [RUNNING]) if queued or free else []
    if queued:
        yield _for_the_executor(queued, running)
    yield from (_for_its_dag(api, dag, tasks) for dag, tasks in _grouped(of_paused, "dag_id"))
    yield from (_for_a_pool(api, name, pools.get(name), tasks) for name, tasks in _grouped(held, "pool"))
    yield from (_for_something_else(dag, tasks, running) for dag, tasks in _grouped(free, "dag_id"))


def _has_room(pool: Pool | None, task: Task) -> bool:
    unlimited = -1
    return pool is not None and (pool["slots"] == unlimited or pool["open_slots"] >= task["pool_slots"])


def _for_the_executor(tasks: list[Task], running: Collection[Task]) -> Trouble:
    topic = f"executor {_identity(running)}"
    if not running:
        why, what = (
            "The executor has what waits, and runs nothing.",
            "Does the scheduler live? tillroll status says so.",
        )
        return _trouble(topic, _unstarted(tasks), tasks, why, what)
    why = f"The executor has what waits, and runs these:\n{_listed(running)}"
    what = "If one of them hangs, mark it failed. AIRFLOW__CORE__PARALLELISM says how many may run at once."
    return _trouble(topic, _unstarted(tasks), tasks, why, what)


def _for_its_dag(api: AirflowApi, dag: str, tasks: list[Task]) -> Trouble:
    why, what = "The DAG is paused: Airflow starts none of its tasks.", f"Unpause it: {api.url}/dags/{dag}"
    return _trouble(f"paused {dag}", f"STUCK {dag} is paused in the middle of a run", tasks, why, what)


def _for_a_pool(api: AirflowApi, name: str, pool: Pool | None, tasks: list[Task]) -> Trouble:
    who = f"{_name(tasks[0])} waits" if len(tasks) == 1 else f"{len(tasks)} tasks wait"
    title = f"STUCK {who} for the pool {name}"
    if pool is None:
        what = "Make it in Airflow, under Admin, Pools. `tillroll up` makes those of Tillroll's own DAGs."
        return _trouble(f"pool {name}", title, tasks, "There is no such pool.", what)
    holders = _tasks(api, [RUNNING, QUEUED], pool=name)
    why = f"The pool has {pool['slots']} slots, and too few of them are free. It is held by:\n{_listed(holders)}"
    what = "Give it more slots." if not holders else f"If this hangs, mark it failed: {task_url(api, holders[0])}"
    return _trouble(f"pool {name} {_identity(holders)}", title, tasks, why, what)


def _for_something_else(dag: str, tasks: list[Task], running: Collection[Task]) -> Trouble:
    """A limit: of the DAG, which its own tasks take up, or of all together (core.parallelism), which anybody's may."""
    own = [task for task in running if task["dag_id"] == dag]
    why = f"""The pool has room and the DAG is not paused. The DAG, or the task, may be at its limit
(max_active_tasks), or all tasks together (AIRFLOW__CORE__PARALLELISM). These run:\n{_listed(own or running)}"""
    what = "If one of them hangs, mark it failed. Does the scheduler live? tillroll status says so."
    return _trouble(f"scheduled {dag} {_identity(own)}", _unstarted(tasks), tasks, why, what)


def _unstarted(tasks: list[Task]) -> str:
    one, many = f"{_name(tasks[0])} waits and is", f"{len(tasks)} tasks wait and are"
    return f"STUCK {one if len(tasks) == 1 else many} not started"


def _trouble(topic: str, title: str, tasks: list[Task], why: str, what: str) -> Trouble:
    dags = {task["dag_id"] for task in tasks}
    dag = dags.pop() if len(dags) == 1 else ""
    return Trouble(
        topic=topic,
        title=title,
        facts=tuple(_facts(tasks)),
        sections=(("What holds it up", why), ("What to do", what), ("What waits", _listed(tasks))),
        patience=WAITS_FOR,
        severity="warning",
        dag=dag,
    )


def _identity(holders: Collection[Task]) -> str:
    """Who holds what others wait for: another try of a task is another holder."""
    names = sorted(f"{_full_name(task)} {task['try_number']}" for task in holders)
    return sha256("\n".join(names).encode()).hexdigest()[:16]


def _facts(tasks: Collection[Task]) -> Iterator[Pair]:
    yield "Waiting", str(len(tasks))
    yield "Pool", ", ".join(sorted({task["pool"] for task in tasks}))


def _tasks(api: AirflowApi, states: list[str], **asked: Any) -> list[Task]:
    return list(api.get_all(EVERY_TASK, "task_instances", state=states, **asked))


def _grouped(tasks: Iterable[Task], by: str) -> Iterator[tuple[str, list[Task]]]:
    for value, found in groupby(sorted(tasks, key=lambda task: str(task[by])), key=lambda task: str(task[by])):
        yield value, list(found)


def _listed(tasks: Collection[Task]) -> str:
    lines = [f"{_name(task)}, {task['state']} since {_since(task)}, run {task['dag_run_id']}" for task in tasks]
    more = [f"… and {len(lines) - LONGEST_LIST} more"] if len(lines) > LONGEST_LIST else []
    return "\n".join(lines[:LONGEST_LIST] + more) or "nobody"


def _since(task: Task) -> str:
    """When a task came to be in its state."""
    return str(task[{RUNNING: "start_date", QUEUED: "queued_when"}.get(task["state"], "scheduled_when")] or "unknown")


def _name(task: Task) -> str:
    return f"{task['dag_id']}.{task['task_id']}" + (f"[{task['map_index']}]" if task["map_index"] >= 0 else "")


def _full_name(task: Task) -> str:
    return f"{task['dag_id']}.{task['task_id']}[{task['map_index']}] {task['dag_run_id']}"
