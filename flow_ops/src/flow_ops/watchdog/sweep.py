"""A flow that ends what the watchdog's automations do not see; to be run every 30 minutes.

Runs that were stuck before the automations were made, runs whose limit passed while the server was down, the
subflow runs that a killed run left Running, and the concurrency slots that no run holds any more. Deploy it as a second flow of `deploy.py`:

    "flow_ops.watchdog.sweep:end_stuck_runs": {
        "prod": Environment(work_pool="example-prod", schedule=timedelta(minutes=30)),
    },
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from fnmatch import fnmatchcase
from uuid import UUID

from prefect import flow, get_client
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas import filters
from prefect.client.schemas.actions import GlobalConcurrencyLimitUpdate
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.events.filters import EventFilter, EventNameFilter, EventOccurredFilter, EventResourceFilter
from prefect.runtime import flow_run as this_run
from prefect.states import Cancelled, Cancelling, Crashed
from pydantic import BaseModel

from flow_ops import project
from flow_ops.logs import get_logger
from flow_ops.watchdog import Limits, check_limits

_ENDED = [StateType.COMPLETED, StateType.FAILED, StateType.CRASHED, StateType.CANCELLED]
_NOT_ENDED = [StateType.SCHEDULED, StateType.PENDING, StateType.RUNNING, StateType.CANCELLING]
# How far back the parents of subflow runs that were left over are looked for.
_PARENTS_SINCE = timedelta(days=2)
# Prefect's longest answer to one request.
_PAGE = 200
# Seconds between two looks at a slot that seems to be nobody's.
_SECOND_LOOK = 3


class Ended(BaseModel):
    """A run that was ended: by which rule, and in which state the server has it now."""

    deployment: str
    flow_run: str
    rule: str
    state: str


class Report(BaseModel):
    """What the flow did: runs ended, and slots freed, by deployment."""

    ended: list[Ended]
    slots_freed: dict[str, int]


# With the repository's name: every repository on a server may have its own.
@flow(name=f"{project.current().slug}-maintenance", timeout_seconds=600)
def end_stuck_runs(deployments: list[str] | None = None, limits: dict[str, float] | None = None) -> Report:
    """End the runs that are stuck, as the watchdog would, free the slots that no run holds, and report both.

    Args:
        deployments: Deployments as "flow/deployment", where `*` stands for any text. Without it, those of the
            flow that this repository is named after.
        limits: Seconds, by the name of a limit of the watchdog; those left out are the usual ones.
    """
    patterns = deployments or [f"{project.current().slug}/*"]
    seconds = {name: timedelta(seconds=value) for name, value in (limits or {}).items()}
    chosen = Limits(**{**asdict(Limits()), **seconds})
    for problem in check_limits(chosen):
        raise problem
    logger = get_logger("maintenance")
    ended = []
    with get_client(sync_client=True) as client:
        names = _deployments(client, patterns)
        # Not this machine's clock, which may be off: a run's times are the server's.
        now = parsedate_to_datetime(client.hello().headers["date"])
        for run, rule, state in (*_stuck(client, names, chosen, now), *_left_over(client, names, now)):
            after = client.set_flow_run_state(run.id, state).state
            deployment = names.get(run.deployment_id, "-") if run.deployment_id else "-"
            report = Ended(
                deployment=deployment, flow_run=run.name, rule=rule, state=after.name or "" if after else ""
            )
            logger.warning("%s: run %s: %s -> %s", deployment, report.flow_run, rule, report.state)
            ended.append(report)
        freed = _free_slots(client, names)
    for deployment, slots in freed.items():
        logger.warning("%s: concurrency slots that no run held: %d", deployment, slots)
    logger.info("stuck runs: %d; deployments: %d", len(ended), len(names))
    return Report(ended=ended, slots_freed=freed)


def broken_rule(run: FlowRun, limits: Limits, now: datetime) -> tuple[str, State] | None:
    """Return the rule that `run` breaks and the state that ends it, by its record alone: not by heartbeats."""
    if run.state is None:
        return None
    in_state = now - run.state.timestamp
    due = run.expected_start_time
    if run.state.type is StateType.RUNNING and in_state > limits.running:
        return "running", Cancelling(message="flow_ops: running for too long")
    if run.state.type is StateType.PENDING and in_state > limits.pending:
        return "pending", Cancelling(message="flow_ops: did not start up")
    if run.state.type is StateType.CANCELLING and in_state > limits.cancelling:
        return "cancelling", Cancelled(message="flow_ops: nobody ended the run")
    waits = run.state.name in ("Scheduled", "Late", "AwaitingConcurrencySlot")
    if waits and due is not None and now - due > limits.late:
        return "late", Cancelling(message="flow_ops: nobody started the run")
    return None


def _deployments(client: SyncPrefectClient, patterns: list[str]) -> dict[UUID, str]:
    names = {}
    flows: dict[UUID, str] = {}
    offset = 0
    while page := client.read_deployments(limit=_PAGE, offset=offset):
        for deployment in page:
            if deployment.flow_id not in flows:
                flows[deployment.flow_id] = client.read_flow(deployment.flow_id).name
            name = f"{flows[deployment.flow_id]}/{deployment.name}"
            if any(fnmatchcase(name, pattern) for pattern in patterns):
                names[deployment.id] = name
        offset += len(page)
    return names


def _runs(
    client: SyncPrefectClient,
    flow_run_filter: filters.FlowRunFilter,
    deployments: Mapping[UUID, str] | None = None,
) -> Iterator[FlowRun]:
    deployment_filter = (
        filters.DeploymentFilter(id=filters.DeploymentFilterId(any_=list(deployments)))
        if deployments is not None
        else None
    )
    offset = 0
    while page := client.read_flow_runs(
        flow_run_filter=flow_run_filter, deployment_filter=deployment_filter, limit=_PAGE, offset=offset
    ):
        yield from page
        offset += len(page)


def _in(states: list[StateType]) -> filters.FlowRunFilterState:
    return filters.FlowRunFilterState(type=filters.FlowRunFilterStateType(any_=states))


def _stuck(
    client: SyncPrefectClient, deployments: Mapping[UUID, str], limits: Limits, now: datetime
) -> list[tuple[FlowRun, str, State]]:
    found = []
    for run in _runs(client, filters.FlowRunFilter(state=_in(_NOT_ENDED)), deployments):
        if str(run.id) == this_run.id:
            continue
        if broken := broken_rule(run, limits, now):
            found.append((run, *broken))
        elif _is_dead(client, run, now - limits.heartbeat):
            found.append((run, "heartbeat", Crashed(message="flow_ops: no more heartbeats")))
    return found


def _is_dead(client: SyncPrefectClient, run: FlowRun, since: datetime) -> bool:
    """Say whether the run sent heartbeats once, and none since; one that never sent any is not judged."""
    if run.state is None or run.state.type is not StateType.RUNNING or run.state.timestamp > since:
        return False
    beats = client.read_events(
        EventFilter(
            event=EventNameFilter(name=["prefect.flow-run.heartbeat"]),
            resource=EventResourceFilter(id=[f"prefect.flow-run.{run.id}"]),
            occurred=EventOccurredFilter.model_validate({"since": run.state.timestamp}),
        ),
        limit=1,
    ).events
    return bool(beats) and beats[0].received < since


def _left_over(
    client: SyncPrefectClient, deployments: Mapping[UUID, str], now: datetime
) -> list[tuple[FlowRun, str, State]]:
    """Return the subflow runs still alive whose parent has ended: a killed process ends its parent run only."""
    parents = filters.FlowRunFilter(
        state=_in(_ENDED),
        end_time=filters.FlowRunFilterEndTime.model_validate({"after_": now - _PARENTS_SINCE}),
    )
    ids = [run.id for run in _runs(client, parents, deployments)]
    state: State = Crashed(message="flow_ops: its parent run has ended")
    found = []
    for start in range(0, len(ids), _PAGE):
        of_these = filters.FlowRunFilterParentFlowRunId(any_=ids[start : start + _PAGE])
        runs = _runs(client, filters.FlowRunFilter(state=_in(_NOT_ENDED), parent_flow_run_id=of_these))
        # One with a deployment has a worker and rules of its own.
        found += [(run, "left over", state) for run in runs if run.deployment_id is None]
    return found


def _free_slots(client: SyncPrefectClient, deployments: Mapping[UUID, str]) -> dict[str, int]:
    """Give back the slots that no run holds.

    A server that keeps its leases in memory, as it does unless told otherwise, counts a slot twice for a run
    that was starting up while it restarted, and gives back one: a deployment with one slot never runs again.
    """
    suspects = {
        deployment: surplus for deployment in deployments if (surplus := _surplus_slots(client, deployment))
    }
    if suspects:
        # A run may have been taking or giving back its slot at that moment.
        time.sleep(_SECOND_LOOK)
    freed = {}
    for deployment, surplus in suspects.items():
        if _surplus_slots(client, deployment) == surplus:
            limit = client.read_global_concurrency_limit_by_name(f"deployment:{deployment}")
            update = GlobalConcurrencyLimitUpdate(active_slots=max(0, limit.active_slots - surplus))
            client.update_global_concurrency_limit(limit.name, update)
            freed[deployments[deployment]] = surplus
    return freed


def _surplus_slots(client: SyncPrefectClient, deployment: UUID) -> int:
    limit = client.read_deployment(deployment).global_concurrency_limit
    if limit is None:
        return 0
    # A run that waits to try again keeps its slot.
    holders = [
        filters.FlowRunFilter(state=_in([StateType.PENDING, StateType.RUNNING, StateType.CANCELLING])),
        filters.FlowRunFilter(
            state=filters.FlowRunFilterState(name=filters.FlowRunFilterStateName(any_=["AwaitingRetry"]))
        ),
    ]
    held = sum(1 for one in holders for _ in _runs(client, one, {deployment: ""}))
    return max(0, limit.active_slots - held)
