"""From what the server has to what the file says: the plan, the write, and the proof that it took."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

from cyclopts import Parameter
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas import filters
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.sorting import FlowRunSort

from flow_ops import arguments, watchdog
from flow_ops.deploy import rollback, schedules, server, state
from flow_ops.deploy.state import Difference, State
from flow_ops.deploy.targets import Target
from flow_ops.messages import FlowOpsError

# Seconds. Prefect's scheduler looks for new deployments every 5, where a busy server may miss one, and at all of
# them every 60: 75 without a run mean that it is not working.
SCHEDULER_PATIENCE = 75.0
# How far ahead Prefect's scheduler creates runs (PREFECT_SERVER_SERVICES_SCHEDULER_MAX_SCHEDULED_TIME).
SCHEDULER_HORIZON = timedelta(days=100)


@Parameter(name="*")
@dataclass(frozen=True)
class Choice:
    """What the command line says of schedules that the file does not decide; nothing leaves them as they are."""

    adopt: Annotated[bool, Parameter(help="@deploy.adopt")] = False
    remove: Annotated[bool, Parameter(help="@deploy.remove")] = False
    activate: Annotated[bool, Parameter(help="@deploy.activate")] = False
    pause: Annotated[bool, Parameter(help="@deploy.pause")] = False

    def check(self, command: str) -> None:
        """Raise FT-ARGS-01 for two that contradict each other, on the command line of `command`."""
        for one, other in (("adopt", "remove"), ("activate", "pause")):
            if getattr(self, one) and getattr(self, other):
                raise arguments.wrong("contradiction", command, one=f"--{one}", other=f"--{other}")


@dataclass(frozen=True)
class Plan:
    """One deployment: what the server has (None: nothing), what the file says, and what would change.

    Attributes:
        differences: The fields that differ.
        watchdog: The automations that differ, a line each.
        by_hand: Schedules made in Prefect's UI, of which the command line said nothing.
        next_runs: When it would run next, in UTC.
        workers: How many workers of its pool are online; None where there is no such pool.
    """

    target: Target
    server: State | None
    file: State
    differences: list[Difference]
    watchdog: list[str]
    by_hand: list[State]
    next_runs: list[datetime]
    workers: int | None

    @property
    def changes(self) -> bool:
        return bool(self.differences or self.watchdog)

    def problems(self, *, forward: bool) -> Iterator[FlowOpsError]:
        """Yield what stands in the way of applying this plan; a commit that it is pinned to not, if it goes `forward`."""
        if self.by_hand:
            found = "; ".join(schedules.said(one["timing"]) for one in self.by_hand)
            yield FlowOpsError("FT-SCHED-03", deployment=self.target.full_name, schedules=found)
        if not forward:
            yield from rollback.problems(self.target, self.server)


@dataclass(frozen=True)
class Status:
    """One deployment as it stands on the server; `state` is None where it does not, `workers` where its pool does not."""

    target: Target
    pool: str
    workers: int | None
    state: State | None
    next_run: datetime | None
    last_runs: list[FlowRun]
    watchdog: list[str]


def make(client: SyncPrefectClient, target: Target, choice: Choice) -> Plan:
    """Read one deployment and compare it with the file; nothing is written.

    Raises:
        FlowOpsError: FT-SCHED-04 where `--adopt` meets another time zone, FT-SCHED-05 for `--activate` where the
            file wants no active schedule.
    """
    deployment = server.read(client, target.full_name)
    existing = state.actual(deployment) if deployment else None
    timings = [schedules.plain(one, target.deployments.timezone) for one in target.environment.schedules]
    there = existing["schedules"] if existing else []
    kept, by_hand = schedules.reconcile(timings, there, active=target.active)
    paused = bool(existing and existing["paused"])
    # What someone paused may be activated where the file wants its own schedules paused, they not.
    adopted = any(schedules.is_adopted(one) for one in kept)
    if choice.activate and timings and not (target.active or paused or adopted):
        raise FlowOpsError("FT-SCHED-05", environment=target.environment_name)
    wanted, paused = _chosen(target, kept, by_hand, choice), paused and not choice.activate
    file = state.desired(target, wanted, paused=paused)
    runs = [] if paused else schedules.next_runs(wanted, count=5)
    return Plan(
        target=target,
        server=existing,
        file=file,
        differences=state.differences(existing, file),
        watchdog=watchdog.differences(client, deployment.id if deployment else None, *_rules(target)),
        by_hand=[] if choice.adopt or choice.remove else by_hand,
        next_runs=runs,
        workers=server.workers_online(client, target.environment.work_pool),
    )


def _rules(target: Target) -> tuple[str, watchdog.Limits, watchdog.Notification | None]:
    return target.full_name, target.deployments.limits, target.deployments.notification


def _chosen(target: Target, wanted: list[State], by_hand: list[State], choice: Choice) -> list[State]:
    if choice.activate or choice.pause:
        wanted = [
            {**one, "active": choice.activate and (target.active or schedules.is_adopted(one))}
            for one in wanted
        ]
    if choice.remove:
        wanted = [one for one in wanted if not schedules.is_adopted(one)]
    if choice.adopt:
        elsewhere = [one for one in by_hand if one["timing"].get("timezone") != target.deployments.timezone]
        if elsewhere:
            timing = schedules.said(elsewhere[0]["timing"])
            raise FlowOpsError("FT-SCHED-04", schedule=timing, timezone=target.deployments.timezone)
        wanted = wanted + schedules.adopt(by_hand, sum(map(schedules.is_adopted, wanted)))
    return wanted


def apply(client: SyncPrefectClient, plan: Plan) -> DeploymentResponse:
    """Write what differs, read it back and return the deployment, proven to be what the file says.

    Raises:
        FlowOpsError: FT-DEPLOY-04 where the server has something else afterwards, FT-DEPLOY-05 where a request
            failed, with what was written before.
    """
    name, written = plan.target.full_name, "-"
    try:
        with server.coded():
            if plan.differences:
                state.write(client, plan.target, plan.file)
                written = name
            deployment = state.prove(client, name, plan.file)
            watchdog.apply(client, deployment.id, *_rules(plan.target))
            if left := watchdog.differences(client, deployment.id, *_rules(plan.target)):
                raise FlowOpsError("FT-DEPLOY-04", deployment=name, fields="; ".join(left))
    except FlowOpsError as problem:
        if problem.code == "FT-DEPLOY-04":
            raise
        raise FlowOpsError("FT-DEPLOY-05", deployment=name, written=written, problem=problem) from None
    return deployment


def first_run(client: SyncPrefectClient, plan: Plan, deployment_id: UUID) -> FlowRun | None:
    """Wait for Prefect's scheduler and return the first run that it created; None where none is due.

    Raises:
        FlowOpsError: FT-DEPLOY-06 where it creates none.
    """
    if not plan.next_runs or plan.next_runs[0] > datetime.now(UTC) + SCHEDULER_HORIZON:
        return None
    end = time.monotonic() + SCHEDULER_PATIENCE
    while True:
        runs = server.flow_runs(
            client, deployment_id, [StateType.SCHEDULED], FlowRunSort.EXPECTED_START_TIME_ASC
        )
        coming = [run for run in runs if run.auto_scheduled]
        if coming:
            return coming[0]
        if time.monotonic() > end:
            raise FlowOpsError(
                "FT-DEPLOY-06", deployment=plan.target.full_name, seconds=f"{SCHEDULER_PATIENCE:g}"
            )
        time.sleep(0.25)


def status(client: SyncPrefectClient, target: Target) -> Status:
    """Read how one deployment stands: its pool's workers, its schedules, its last runs."""
    deployment = server.read(client, target.full_name)
    found = state.actual(deployment) if deployment else None
    pool = (found or {}).get("work_pool") or target.environment.work_pool
    active = found["schedules"] if found and not found["paused"] else []
    return Status(
        target=target,
        pool=pool,
        workers=server.workers_online(client, pool),
        state=found,
        next_run=next(iter(schedules.next_runs(active, count=1)), None),
        last_runs=_last_runs(client, deployment) if deployment else [],
        watchdog=_watchdog(client, target, deployment),
    )


def _last_runs(client: SyncPrefectClient, deployment: DeploymentResponse) -> list[FlowRun]:
    """Return the last that are due, the newest first: those too that wait for a worker."""
    wanted = filters.FlowRunFilter(
        deployment_id=filters.FlowRunFilterDeploymentId(any_=[deployment.id]),
        expected_start_time=filters.FlowRunFilterExpectedStartTime.model_validate(
            {"before_": datetime.now(UTC)}
        ),
    )
    sort = FlowRunSort.EXPECTED_START_TIME_DESC
    return client.read_flow_runs(flow_run_filter=wanted, sort=sort, limit=5)


def _watchdog(client: SyncPrefectClient, target: Target, deployment: DeploymentResponse | None) -> list[str]:
    try:
        return watchdog.differences(client, deployment.id if deployment else None, *_rules(target))
    except FlowOpsError as problem:  # Told, so that the rest is seen all the same.
        return [str(problem)]
