"""The pins: what `deploy.py` says of each deployment, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal

from flow_ops.watchdog import Limits, Notification

Schedule = str | timedelta


@dataclass(frozen=True)
class GitSource:
    """Code that each run clones from a git repository.

    Attributes:
        url: Address of the repository, without user or token.
        branch: Branch whose newest commit each run takes.
        commit: Full SHA of the commit to run instead, whatever happens to the branch.
        credentials_block: Prefect Secret block with a token that may read the repository; None where it is public
            or where the workers have a key of their own. The worker reads it; it is written nowhere.
    """

    url: str
    branch: str = "main"
    commit: str | None = None
    credentials_block: str | None = None


@dataclass(frozen=True)
class FolderSource:
    """Code that stands in a folder of the worker's machine.

    Attributes:
        path: Absolute path there, Windows or POSIX; kept as written, whatever machine deploys.
    """

    path: str


Source = GitSource | FolderSource


@dataclass(frozen=True)
class Environment:
    """Where, when and how a flow runs.

    Attributes:
        work_pool: Name of the pool; its suffix is the environment's name (`example-prod`).
        schedule: A cron expression, an interval, or a tuple of them, in the pinned timezone. None: by hand only.
        active: Whether the schedule runs. None: in `prod` only. One paused in Prefect's UI stays paused.
        parameters: Values for the flow's parameters; those left out keep the flow's own defaults.
        concurrency_limit: Runs of this deployment at a time; None for any number.
        collision: What a run does that finds the limit reached: wait for its turn, or end as Cancelled.
        task_runner: Where the tasks of `.submit()` and `.map()` run: `threads`, `processes`, `dask`, `ray`, or one of
            them with a number of workers or an address, as the table in `flow_ops.task_runners` says.
        env: Environment variables of the run, as text. Secrets as `{{ prefect.blocks.secret.NAME }}`.
        image: Container image of the runs, `host/name:tag`, on a pool of type docker, kubernetes and the like.
        job_variables: Further job variables of the pool's type (`working_dir`, `cpu_limit`, ...).
        tags: Further tags of the deployment and its runs.
        source: Where the code comes from, if not from the source of all.
    """

    work_pool: str
    schedule: Schedule | tuple[Schedule, ...] | None = None
    active: bool | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    concurrency_limit: int | None = 1
    collision: Literal["ENQUEUE", "CANCEL_NEW"] = "ENQUEUE"
    task_runner: str = "threads"
    env: Mapping[str, str] = field(default_factory=dict)
    image: str | None = None
    job_variables: Mapping[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    source: Source | None = None

    @property
    def schedules(self) -> tuple[Schedule, ...]:
        """The schedules as a tuple, however they were written."""
        if self.schedule is None:
            return ()
        return self.schedule if isinstance(self.schedule, tuple) else (self.schedule,)


@dataclass(frozen=True)
class Deployments:
    """Every deployment of this repository.

    Attributes:
        flows: For each flow, by its entrypoint `src/<package>/<module>.py:<function>`, its environments by name.
        source: Where the code comes from.
        timezone: IANA name of the zone of every schedule.
        limits: When the watchdog ends runs that are stuck or late.
        notification: Who is notified of them, and of failures.
    """

    flows: Mapping[str, Mapping[str, Environment]]
    source: Source
    timezone: str
    limits: Limits = field(default_factory=Limits)
    notification: Notification | None = None
