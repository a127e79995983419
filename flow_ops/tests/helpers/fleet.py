"""Repositories on a server without a checkout: what `deploy.py` leaves there of each, and runs in every state."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from prefect import flow
from prefect.client.schemas.actions import DeploymentScheduleCreate, WorkPoolCreate
from prefect.client.schemas.objects import State, StateType
from prefect.client.schemas.schedules import CronSchedule
from prefect.exceptions import ObjectAlreadyExists
from prefect.states import Running

from flow_ops import watchdog
from flow_ops.deploy import source
from flow_ops.deploy.pins import FolderSource, GitSource
from flow_ops.watchdog import Limits

if TYPE_CHECKING:
    from uuid import UUID

    from prefect.client.orchestration import SyncPrefectClient

# A server that writes nothing by itself: on SQLite each of its writes makes a client wait for two seconds.
QUIET = {
    f"PREFECT_SERVER_SERVICES_{service}_ENABLED": "false"
    for service in ("SCHEDULER", "TRIGGERS", "LATE_RUNS")
}
ZONE = "America/Argentina/Buenos_Aires"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
RELEASE = "2.0.0"


@dataclass(frozen=True)
class Made:
    """One deployment, as `deploy.py` would have left it.

    Attributes:
        runs: How its runs ended, the oldest first.
    """

    repository: str
    area: str = "ventas"
    environment: str = "prod"
    pool: str = "ventas-prod"
    cron: str | None = "30 1,13,17 * * *"
    zone: str | None = ZONE
    active: bool = True
    paused: bool = False
    url: str = ""
    commit: str | None = None
    folder: str = ""
    release: str | None = RELEASE
    lock: str = "0123abcd"
    watched: bool = True
    tags: tuple[str, ...] = ()
    runs: Sequence[StateType] = field(default_factory=lambda: [StateType.COMPLETED] * 3)
    late: int = 0

    @property
    def name(self) -> str:
        return f"{self.repository}-{self.environment}"

    @property
    def full_name(self) -> str:
        return f"{self.repository}/{self.name}"


def make(client: SyncPrefectClient, one: Made) -> UUID:
    """Write a deployment, its watchdog and its runs; return its id."""
    with contextlib.suppress(ObjectAlreadyExists):
        client.create_work_pool(WorkPoolCreate(name=one.pool, type="process"))
    flow_id = client.create_flow(flow(name=one.repository)(_nothing))
    url = one.url or f"https://git.example.com/{one.repository}.git"
    code = FolderSource(one.folder) if one.folder else GitSource(url, commit=one.commit)
    release = (f"flow-ops:{one.release}", f"template:{one.release}") if one.release else ()
    schedules = [_schedule(one)] if one.cron else []
    deployment = client.create_deployment(
        flow_id=flow_id,
        name=one.name,
        version=one.commit or COMMIT,
        schedules=schedules,
        work_pool_name=one.pool,
        paused=one.paused,
        entrypoint="src/flow.py:main",
        pull_steps=source.pull_steps(code),
        tags=[
            f"repository:{one.repository}",
            f"environment:{one.environment}",
            f"area:{one.area}",
            f"lock:{one.lock}",
            *release,
            *one.tags,
        ],
    )
    if one.watched:
        watchdog.apply(client, deployment, one.full_name, Limits())
    for ended in one.runs:
        run(client, deployment, ended)
    for _ in range(one.late):
        late: State[Any] = State(type=StateType.SCHEDULED, name="Late")
        client.create_flow_run_from_deployment(deployment, state=late)
    return deployment


def run(client: SyncPrefectClient, deployment: UUID, ended: StateType) -> UUID:
    """Make a run that has begun and ended, or is still going, now."""
    made = client.create_flow_run_from_deployment(deployment, state=Running())
    if ended is not StateType.RUNNING:
        state: State[Any] = State(type=ended, name=ended.value.capitalize())
        client.set_flow_run_state(made.id, state, force=True)
    return made.id


def _nothing() -> None:
    """Do nothing."""


def _schedule(one: Made) -> DeploymentScheduleCreate:
    timing = CronSchedule(cron=str(one.cron), timezone=one.zone)
    return DeploymentScheduleCreate(schedule=timing, active=one.active, slug="deploy-py-1")


OK, BAD, DIED = StateType.COMPLETED, StateType.FAILED, StateType.CRASHED
# In every state that the fleet tells of. In `ventas-prod` a worker is online, in `compras-prod` none; `retirado` is
# deleted once all are made.
FLEET = (
    Made("bien", runs=[OK] * 22),
    Made("bien-carpeta", folder="C:\\flujos\\bien-carpeta"),
    Made("en-desarrollo", environment="dev", active=False, runs=[]),
    Made("sin-pool", pool="retirado"),
    Made("sin-worker", area="compras", pool="compras-prod"),
    Made("roto", runs=[OK, OK, BAD]),
    Made("caido", runs=[DIED], late=2),
    Made("gemelo"),
    Made("gemelo", environment="dev", url="https://git.example.com/otra/gemelo.git"),
    Made("sin-vigilar", watched=False),
    Made("universal", zone="UTC"),
    Made("viejo", release="1.0.0", lock="none"),
    Made("pausado", paused=True),
    Made("fijo", commit=COMMIT, tags=("pinned:2026-11-20T10:00:00Z",)),
)


def make_all(client: SyncPrefectClient, fleet: Sequence[Made] = FLEET) -> dict[str, UUID]:
    """Write these and somebody else's deployment; return the ids by deployment's name."""
    ids = {one.name: make(client, one) for one in fleet}
    theirs = client.create_flow(flow(name="de-otros")(_nothing))
    client.create_deployment(flow_id=theirs, name="de-otros", tags=["suyo"])
    client.delete_work_pool("retirado")
    beat = {"name": "worker-1", "heartbeat_interval_seconds": 3600}
    client.request("POST", "/work_pools/ventas-prod/workers/heartbeat", json=beat)  # type: ignore[arg-type]
    return ids
