"""A flow that puts right what the watchdog's automations cannot see; to be run every 30 minutes.

They watch runs of a deployment. It ends the subflow runs, which have none, that a killed run left Running: those of this
repository's deployments alone, so that each repository has its own. Deploy it as a second flow of `deploy.py`:

    "flow_ops.watchdog.sweep:end_stuck_runs": {
        "prod": Environment(work_pool="example-prod", schedule=timedelta(minutes=30)),
    },
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from prefect import flow, get_client
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas import filters
from prefect.client.schemas.objects import TERMINAL_STATES, FlowRun, StateType
from prefect.client.schemas.responses import OrchestrationResult, SetStateStatus
from prefect.exceptions import ObjectNotFound
from prefect.states import Crashed

from flow_ops import project
from flow_ops.logs import get_logger

_NOT_ENDED = [StateType.SCHEDULED, StateType.PENDING, StateType.RUNNING, StateType.CANCELLING]
# How far back the parents of subflow runs that were left over are looked for.
_PARENTS_SINCE = timedelta(days=2)
# Prefect's longest answer to one request.
_PAGE = 200


# With the repository's name: every repository on a server may have its own.
@flow(name=f"{project.current().slug}-maintenance", timeout_seconds=600)
def end_stuck_runs() -> list[str]:
    """End the subflow runs that this repository's runs left over, and return their names."""
    logger = get_logger("maintenance")
    tag = filters.DeploymentFilterTags(all_=[f"repository:{project.current().slug}"])
    with get_client(sync_client=True) as client:
        found = client.read_deployments(deployment_filter=filters.DeploymentFilter(tags=tag))
        ended = []
        for run in _left_over(client, [deployment.id for deployment in found]):
            if _end(client, run):
                logger.warning("subflow run %s: its parent run has ended -> Crashed", run.name)
                ended.append(run.name)
    logger.info("subflow runs ended: %d; deployments: %d", len(ended), len(found))
    return ended


def _end(client: SyncPrefectClient, run: FlowRun) -> bool:
    """End a run; False where it ended or was deleted meanwhile."""
    try:
        answer: OrchestrationResult[Any] = client.set_flow_run_state(
            run.id, Crashed(message="flow_ops: its parent run has ended")
        )
    except ObjectNotFound:
        return False
    return answer.status == SetStateStatus.ACCEPT


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
        state=_in([*TERMINAL_STATES]),
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
