"""Which run a record belongs to: the one that its caller is in, or the only one of its process."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any
from weakref import WeakValueDictionary

# What a run says first, before its commit: `deploy.py rollback` finds the way back by it.
COMMIT = "flow_ops: commit"

NONE: dict[str, str | None] = dict.fromkeys(("flow_run_id", "flow_run_name", "task_run_id", "task_run_name"))


def current(several: Callable[[str, Mapping[str, str]], None]) -> dict[str, str | None]:
    """Return the ids and names of the flow run and the task run that the caller is in.

    `several` is called once for each of several runs of which it could be, with the thread's name.
    """
    # Not imported: where Prefect is not loaded yet, there is no run.
    context = sys.modules.get("prefect.context")
    get_run_context = getattr(context, "get_run_context", None)
    if context is None or get_run_context is None:
        return NONE
    try:
        current = get_run_context()
    except RuntimeError:
        return _run_of_the_process(several)
    fields = dict(NONE)
    flow = context.FlowRunContext.get()
    if flow_run := flow.flow_run if flow else None:
        fields |= {"flow_run_id": str(flow_run.id), "flow_run_name": flow_run.name}
    if task_run := getattr(current, "task_run", None):
        fields |= {"task_run_id": str(task_run.id), "task_run_name": task_run.name}
        if task_run.flow_run_id:
            fields["flow_run_id"] = str(task_run.flow_run_id)
    return fields


def note() -> tuple[str, str] | None:
    """Remember the flow run that the caller is in, for the plain threads that it may start.

    Return its id and name where it is met for the first time.
    """
    context = sys.modules.get("prefect.context")
    flow = context.FlowRunContext.get() if context and hasattr(context, "FlowRunContext") else None
    if flow and flow.flow_run and flow.flow_run.parent_task_run_id is None:
        id_ = str(flow.flow_run.id)
        new = id_ not in _begun
        _begun[id_] = flow.flow_run
        return (id_, flow.flow_run.name) if new else None
    return None


# The runs that began in this process and are no subflows', by their ids, as long as Prefect holds them.
_begun: WeakValueDictionary[str, Any] = WeakValueDictionary()


def _run_of_the_process(several: Callable[[str, Mapping[str, str]], None]) -> dict[str, str | None]:
    """Return the run that a plain thread, or a hook of Prefect's, works for: the only one of its process."""
    under_way = {id_: run.name for id_, run in _begun.items() if not (run.state and run.state.is_final())}
    # A worker starts a process for each run and says which.
    if (started := os.environ.get("PREFECT__FLOW_RUN_ID")) and len(under_way) <= 1:
        return {**NONE, "flow_run_id": started, "flow_run_name": under_way.get(started)}
    if len(under_way) > 1 and not under_way.keys() <= _warned:
        _warned.update(under_way)
        several(threading.current_thread().name, under_way)
    if len(under_way) != 1:
        return NONE
    ((flow_run_id, name),) = under_way.items()
    return {**NONE, "flow_run_id": flow_run_id, "flow_run_name": name}


_warned: set[str] = set()
