"""A flow that puts right what the watchdog's automations cannot see; to be run every 30 minutes.

They watch runs of a deployment. It ends the subflow runs, which have none, that a killed run left Running, and frees
the concurrency slots that no run holds any more: those of this repository's deployments alone, so that each repository has
its own. Deploy it as a second flow of `deploy.py`:

    "flow_ops.watchdog.sweep:end_stuck_runs": {
        "prod": Environment(work_pool="example-prod", schedule=timedelta(minutes=30)),
    },
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

from prefect import flow, get_client
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas import filters
from prefect.client.schemas.actions import GlobalConcurrencyLimitUpdate
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.states import Crashed
from pydantic import BaseModel

from flow_ops import project
from flow_ops.logs import get_logger

_ENDED = [StateType.COMPLETED, StateType.FAILED, StateType.CRASHED, StateType.CANCELLED]
_NOT_ENDED = [StateType.SCHEDULED, StateType.PENDING, StateType.RUNNING, StateType.CANCELLING]
# How far back the parents of subflow runs that were left over are looked for.
_PARENTS_SINCE = timedelta(days=2)
# Prefect's longest answer to one request.
_PAGE = 200
# Seconds between two looks at a slot that seems to be nobody's.
_SECOND_LOOK = 3


class Report(BaseModel):
    """What the flow did: the names of the subflow runs that it ended, and the slots that it freed, by deployment."""

    ended: list[str]
    slots_freed: dict[str, int]


# With the repository's name: every repository on a server may have its own.
@flow(name=f"{project.current().slug}-maintenance", timeout_seconds=600)
def end_stuck_runs() -> Report:
    """End the subflow runs that this repository's runs left over, free the slots that none holds, and report both."""
    logger = get_logger("maintenance")
    tag = filters.DeploymentFilterTags(all_=[f"repository:{project.current().slug}"])
    with get_client(sync_client=True) as client:
        found = client.read_deployments(deployment_filter=filters.DeploymentFilter(tags=tag))
        names = {deployment.id: deployment.name for deployment in found}
        ended = []
        for run in _left_over(client, list(names)):
            client.set_flow_run_state(run.id, Crashed(message="flow_ops: its parent run has ended"))
            logger.warning("subflow run %s: its parent run has ended -> Crashed", run.name)
            ended.append(run.name)
        freed = {names[deployment]: slots for deployment, slots in _free_slots(client, list(names))}
    for name, slots in freed.items():
        logger.warning("%s: concurrency slots that no run held: %d", name, slots)
    logger.info("subflow runs ended: %d; deployments: %d", len(ended), len(names))
    return Report(ended=ended, slots_freed=freed)


def _runs(client: SyncPrefectClient, wanted: filters.FlowRunFilter) -> Iterator[FlowRun]:
    offset = 0
    while page := client.read_flow_runs(flow_run_filter=wanted, limit=_PAGE, offset=offset):
        yield from page
        offset += len(page)


def _in(states: list[StateType]) -> filters.FlowRunFilterState:
    return filters.FlowRunFilterState(type=filters.FlowRunFilterStateType(any_=states))


def _left_over(client: SyncPrefectClient, deployments: list[UUID]) -> list[FlowRun]:
    """Return the subflow runs still alive below a run that has ended: a killed process ends the outermost only."""
    since = datetime.now(UTC) - _PARENTS_SINCE
    parents = filters.FlowRunFilter(
        state=_in(_ENDED),
        deployment_id=filters.FlowRunFilterDeploymentId(any_=deployments),
        end_time=filters.FlowRunFilterEndTime.model_validate({"after_": since}),
    )
    ids = [run.id for run in _runs(client, parents)]
    found: list[FlowRun] = []
    while ids:
        below = [
            run for start in range(0, len(ids), _PAGE) for run in _below(client, ids[start : start + _PAGE])
        ]
        found += [run for run in below if run.state_type in _NOT_ENDED]
        ids = [run.id for run in below]
    return found


def _below(client: SyncPrefectClient, ids: list[UUID]) -> Iterator[FlowRun]:
    """Yield the subflow runs of these runs that are alive, or that crashed and may have left some below them."""
    of_these = filters.FlowRunFilterParentFlowRunId(any_=ids)
    state = _in([*_NOT_ENDED, StateType.CRASHED])
    for run in _runs(client, filters.FlowRunFilter(state=state, parent_flow_run_id=of_these)):
        if run.deployment_id is None:  # One with a deployment has a worker and rules of its own.
            yield run


def _free_slots(client: SyncPrefectClient, deployments: list[UUID]) -> Iterator[tuple[UUID, int]]:
    """Give back the slots that no run holds; yield how many, of each deployment that had any.

    A server that keeps its leases in memory, as it does unless told otherwise, counts a slot twice for a run
    that was starting up while it restarted, and gives back one: a deployment with one slot never runs again.
    """
    suspects = {one: surplus for one in deployments if (surplus := _surplus_slots(client, one))}
    if suspects:
        # A run may have been taking or giving back its slot at that moment.
        time.sleep(_SECOND_LOOK)
    for deployment, surplus in suspects.items():
        if _surplus_slots(client, deployment) == surplus:
            limit = client.read_global_concurrency_limit_by_name(f"deployment:{deployment}")
            update = GlobalConcurrencyLimitUpdate(active_slots=max(0, limit.active_slots - surplus))
            client.update_global_concurrency_limit(limit.name, update)
            yield deployment, surplus


def _surplus_slots(client: SyncPrefectClient, deployment: UUID) -> int:
    limit = client.read_deployment(deployment).global_concurrency_limit
    if limit is None:
        return 0
    # A run that waits to try again keeps its slot.
    waiting = filters.FlowRunFilterState(name=filters.FlowRunFilterStateName(any_=["AwaitingRetry"]))
    holding = (_in([StateType.PENDING, StateType.RUNNING, StateType.CANCELLING]), waiting)
    of_it = filters.FlowRunFilterDeploymentId(any_=[deployment])
    wanted = [filters.FlowRunFilter(state=state, deployment_id=of_it) for state in holding]
    held = sum(1 for one in wanted for _ in _runs(client, one))
    return max(0, limit.active_slots - held)
