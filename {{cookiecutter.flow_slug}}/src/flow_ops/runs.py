"""Runs of a deployment: started and followed to their end, or cleared away when the deployment is retired."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from flow_ops import planning, state, watchdog
from flow_ops.messages import FlowOpsError
from flow_ops.targets import Target
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterParentFlowRunId,
    LogFilter,
    LogFilterFlowRunId,
)
from prefect.client.schemas.objects import FlowRun, Log, State, StateType
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.sorting import FlowRunSort, LogSort
from prefect.exceptions import ParameterBindError, ParameterTypeError

# Seconds between two looks at a run.
_EVERY = 1.0
# Seconds. The last records of a run reach the server up to two after its end.
_LOG_DELAY = 2.0
# Seconds in which a pass of Prefect's scheduler that had begun before a pause has ended.
_SCHEDULER_PASS = 2.0
# As many records as the server gives at once.
_PAGE = 200

_Item = TypeVar("_Item")


def start(
    client: SyncPrefectClient, target: Target, deployment: DeploymentResponse, parameters: dict[str, Any]
) -> FlowRun:
    """Create a run now, with `parameters` over the deployment's own.

    Raises:
        FlowOpsError: FT-PARAM-02 where they do not suit the flow.
    """
    flow = target.loaded.flow
    try:
        flow.validate_parameters({**deployment.parameters, **parameters})
    except (ParameterTypeError, ParameterBindError) as error:
        reason = " ".join(str(error).split())
        environment = target.environment_name
        raise FlowOpsError("FT-PARAM-02", flow=flow.name, environment=environment, reason=reason) from None
    return client.create_flow_run_from_deployment(deployment.id, parameters=state.jsonable(parameters))


def follow(
    client: SyncPrefectClient, run_id: UUID, on_state: Callable[[State], None], on_log: Callable[[Log], None]
) -> State:
    """Report a run's states and log records, its subflows' too, as they come; return the state that it ends in."""
    last_state, seen = None, set[UUID]()
    while True:
        current = client.read_flow_run(run_id).state
        ended = current is not None and current.is_final()
        if ended:
            time.sleep(_LOG_DELAY)
        elif current and current.id != last_state:
            on_state(current)
            last_state = current.id
        for record in _records(client, _with_subflows(client, run_id)):
            if record.id not in seen:
                seen.add(record.id)
                on_log(record)
        if current and ended:
            on_state(current)
            return current
        time.sleep(_EVERY)


def _with_subflows(client: SyncPrefectClient, run_id: UUID) -> list[UUID]:
    """Return a run, the runs that it called, and those that they called: each has log records of its own."""
    found = parents = [run_id]
    while parents:
        called = FlowRunFilter(parent_flow_run_id=FlowRunFilterParentFlowRunId(any_=parents))
        read = partial(client.read_flow_runs, flow_run_filter=called, sort=FlowRunSort.ID_DESC)
        parents = [run.id for run in _all(read)]
        found = found + parents
    return found


def _records(client: SyncPrefectClient, run_ids: list[UUID]) -> Iterator[Log]:
    """Yield all log records of some runs. They are sent in batches, so that older ones come after newer ones."""
    wanted = LogFilter(flow_run_id=LogFilterFlowRunId(any_=run_ids))
    return _all(partial(client.read_logs, wanted, sort=LogSort.TIMESTAMP_ASC))


def _all(read: Callable[..., list[_Item]]) -> Iterator[_Item]:
    """Yield what `read` returns, page after page."""
    offset = 0
    while page := read(limit=_PAGE, offset=offset):
        yield from page
        if len(page) < _PAGE:
            return
        offset += _PAGE


def retire(client: SyncPrefectClient, deployment: DeploymentResponse, full_name: str) -> int:
    """Pause a deployment, delete its future runs, itself and its watchdog; return how many runs were deleted.

    In this order no run starts in between, and what was done is right wherever it is interrupted.
    Runs that have started go on to their end.
    """
    client.pause_deployment(deployment.id)
    # The scheduler may be at work on it at this very moment, and runs outlive their deployment.
    deleted = _delete_future_runs(client, deployment.id)
    time.sleep(_SCHEDULER_PASS)
    deleted += _delete_future_runs(client, deployment.id)
    client.delete_deployment(deployment.id)
    watchdog.remove(client, full_name)
    return deleted


def _delete_future_runs(client: SyncPrefectClient, deployment_id: UUID) -> int:
    deleted = 0
    while runs := planning.flow_runs(client, deployment_id, [StateType.SCHEDULED]):
        for run in runs:
            client.delete_flow_run(run.id)
        deleted += len(runs)
    return deleted
