"""What the fleet is: a row for each deployment of a server, with all that is shown of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from packaging.version import Version
from prefect.client.schemas.objects import FlowRun, StateType

from flow_ops.deploy.pins import Source
from flow_ops.deploy.rollback import Pin
from flow_ops.deploy.schedules import Plain, zone_of
from flow_ops.messages import FlowOpsError

# How many of its last runs are shown of each deployment.
LAST = 20


def is_completed(run: FlowRun) -> bool:
    return run.state_type is StateType.COMPLETED


def is_broken(run: FlowRun) -> bool:
    return run.state_type in (StateType.FAILED, StateType.CRASHED)


def is_outdated(row: Row, newest: Version) -> bool:
    """Say whether it was deployed by an older release than the newest."""
    return row.flow_ops is None or row.flow_ops < newest


@dataclass
class Row:
    """One deployment.

    Attributes:
        name: `flow/deployment`.
        workers: How many are online in its pool; None where the pool does not exist.
        runs: Its last runs that ended, the newest first.
        going: Those that are running.
        late: How many runs wait past their time.
        flow_ops: The release of flow-ops that deployed it; None where no tag says so.
        lock: The first digits of the digest of its `uv.lock`, `none` without one; None where no tag says so.
        unwatched: The watchdog's rules that are missing; None where the server has no automations.
        problems: What is wrong with it, the worst first.
        usual_zone: The time zone of the fleet.
    """

    id: UUID
    name: str
    repository: str
    area: str
    environment: str
    pool: str | None
    workers: int | None
    schedules: list[Plain]
    paused: bool
    source: Source | None
    commit: str | None
    pin: Pin | None
    flow_ops: Version | None
    lock: str | None
    next_run: datetime | None = None
    runs: list[FlowRun] = field(default_factory=list)
    going: list[FlowRun] = field(default_factory=list)
    late: int = 0
    unwatched: list[str] | None = None
    problems: list[FlowOpsError] = field(default_factory=list)
    usual_zone: str = "UTC"

    @property
    def active_schedules(self) -> list[Plain]:
        """The schedules by which it runs: none where it is paused."""
        return [] if self.paused else [one for one in self.schedules if one["active"]]

    @property
    def last(self) -> FlowRun | None:
        return self.runs[0] if self.runs else None

    @property
    def completed(self) -> int:
        return sum(is_completed(run) for run in self.runs)

    @property
    def zone(self) -> str:
        """The time zone of its schedule, or that of the fleet where it has none."""
        return next((zone_of(one["timing"]) for one in self.schedules), self.usual_zone)


@dataclass(frozen=True)
class Fleet:
    """Every deployment of a server that comes from such a repository, those that need a person first."""

    server: str
    at: datetime
    zone: ZoneInfo
    newest: Version
    rows: list[Row]
    notes: list[FlowOpsError]
