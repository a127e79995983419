"""A deployment as plain data: what the file says, what the server has, and the difference.

One shape serves the plan, the write, the proof after it and the search for drift, so that none of them can see
something that the others do not.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.objects import ConcurrencyOptions
from prefect.client.schemas.responses import DeploymentResponse

from flow_ops import flow_parameters, library, project, task_runners
from flow_ops.deploy import schedules, server, source
from flow_ops.deploy.pins import Environment, FolderSource, GitSource, Source
from flow_ops.deploy.targets import Target
from flow_ops.messages import FlowOpsError

State = dict[str, Any]
Held = Literal["deployment-paused", "paused", "starts-paused"]

# What every run's environment has, unless deploy.py says otherwise.
RUN_ENVIRONMENT = {
    # Each run gets the repository's own environment, through `uv run`. Off by default in Prefect.
    "PREFECT_RUNNER_AUTO_INSTALL_DEPENDENCIES": "true",
    # Seconds; the fewest that Prefect takes. The watchdog ends runs whose heartbeats stop.
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
    "PYTHONUTF8": "1",
}


@dataclass(frozen=True)
class Difference:
    """One field of a deployment whose value on the server is not the file's. None stands for no such value."""

    field: str
    server: Any
    file: Any


def desired(target: Target, wanted_schedules: list[State], *, paused: bool) -> State:
    """Return what the file says of one deployment, with the schedules as they were reconciled."""
    about, pins, flow = project.current(), target.environment, target.loaded.flow
    return {
        "work_pool": pins.work_pool,
        "work_queue": "default",
        "entrypoint": target.loaded.entrypoint,
        "version": source.version(target.source, about.root, about.version),
        "pull_steps": source.steps(target.source),
        "schedules": wanted_schedules,
        "paused": paused,
        "parameters": flow_parameters.as_sent(flow, pins.parameters),
        "parameter_schema": target.loaded.schema,
        "enforce_parameter_schema": True,
        "concurrency_limit": pins.concurrency_limit,
        "collision": pins.collision if pins.concurrency_limit else None,
        "job_variables": job_variables(pins, target.source),
        "tags": sorted(
            {
                f"repository:{about.slug}",
                f"environment:{target.environment_name}",
                f"area:{about.area}",
                f"template:{about.template_version}",
                f"flow-ops:{metadata.version('flow-ops')}",
                f"lock:{_lock(about.root)}",
                *pins.tags,
            }
        ),
        "description": f"{flow.description or ''}\n\n{source.place(target.source)}".strip(),
    }


def actual(deployment: DeploymentResponse) -> State:
    """Return what the server has of one deployment."""
    limit, options = deployment.global_concurrency_limit, deployment.concurrency_options
    return {
        "work_pool": deployment.work_pool_name,
        "work_queue": deployment.work_queue_name,
        "entrypoint": deployment.entrypoint,
        "version": deployment.version,
        "pull_steps": deployment.pull_steps or [],
        "schedules": [schedules.read(schedule) for schedule in deployment.schedules],
        "paused": deployment.paused,
        "parameters": deployment.parameters,
        "parameter_schema": deployment.parameter_openapi_schema,
        "enforce_parameter_schema": deployment.enforce_parameter_schema,
        "concurrency_limit": limit.limit if limit else None,
        "collision": str(options.collision_strategy.value) if options and limit else None,
        "job_variables": deployment.job_variables,
        "tags": sorted(deployment.tags),
        "description": deployment.description,
    }


def held(target: Target, found: State) -> Held | None:
    """Return what keeps a deployment, or a schedule of it, from running by itself; None where nothing does.

    Someone paused it whole, or a schedule that the file wants to run; or the file wants its schedules paused.
    """
    if found["paused"]:
        return "deployment-paused"
    kept = [one for one in found["schedules"] if (one["slug"] or "").startswith(schedules.OURS)]
    paused = [one for one in kept if not one["active"]]
    if any(target.active or schedules.is_adopted(one) for one in paused):
        return "paused"
    return "starts-paused" if paused else None


def differences(
    existing: Mapping[str, Any] | None, file: Mapping[str, Any], path: str = ""
) -> list[Difference]:
    """Return every field that differs; all of them where the server has no such deployment.

    Mappings are compared key by key, so that a difference names `job_variables.env.REGION` alone.
    """
    found: list[Difference] = []
    for key in {**file, **(existing or {})}:
        name = f"{path}{key}"
        one, other = (existing or {}).get(key), file.get(key)
        if key == "schedules":
            one, other = _sorted(one), _sorted(other)
        if one == other:
            continue
        if isinstance(one, Mapping) and isinstance(other, Mapping) and key != "parameter_schema":
            found += differences(one, other, f"{name}.")
        else:
            found.append(Difference(name, one, other))
    return found


def write(client: SyncPrefectClient, target: Target, state: State) -> None:
    """Make the server's deployment what `state` says, in one request and so in one transaction.

    The request replaces all of it, the schedules too, and deletes the runs that the old schedules created.
    """
    limit = state["concurrency_limit"]
    client.create_deployment(
        flow_id=client.create_flow(target.loaded.flow),
        name=target.name,
        version=state["version"],
        schedules=[_schedule_to_create(schedule) for schedule in state["schedules"]],
        concurrency_limit=limit,
        concurrency_options=ConcurrencyOptions(collision_strategy=state["collision"]) if limit else None,
        parameters=state["parameters"],
        description=state["description"],
        work_queue_name=state["work_queue"],
        work_pool_name=state["work_pool"],
        tags=state["tags"],
        entrypoint=state["entrypoint"],
        parameter_openapi_schema=state["parameter_schema"],
        paused=state["paused"],
        pull_steps=state["pull_steps"],
        enforce_parameter_schema=state["enforce_parameter_schema"],
        job_variables=state["job_variables"],
    )


def prove(client: SyncPrefectClient, full_name: str, wanted: State) -> DeploymentResponse:
    """Read a deployment back and return it.

    Raises:
        FlowOpsError: FT-DEPLOY-04 where it is not as wanted.
    """
    deployment = server.read(client, full_name)
    left = differences(actual(deployment) if deployment else None, wanted)
    if deployment is None or left:
        fields = ", ".join(difference.field for difference in left)
        raise FlowOpsError("FT-DEPLOY-04", deployment=full_name, fields=fields)
    return deployment


def job_variables(pins: Environment, code: Source) -> State:
    """Return what an environment says to the workers of its pool, for code that comes from there."""
    runner = {} if pins.task_runner == "threads" else {task_runners.VARIABLE: pins.task_runner}
    image = {"image": pins.image} if pins.image else {}
    own = {**RUN_ENVIRONMENT, **_apart(code), **_library(code), **runner}
    return {**pins.job_variables, **image, "env": {**own, **pins.env}}


def _apart(code: Source) -> dict[str, str]:
    """Return the variable by which a run from a folder has an environment that is not the folder's `.venv`.

    What a flow's account can write, nobody else is to run. A worker's service keeps it in its own folder (`drain.py`);
    any other worker beside `.venv`.
    """
    if not isinstance(code, FolderSource):
        return {}
    return {"UV_PROJECT_ENVIRONMENT": f".venv-worker-{zlib.crc32(code.path.encode()):08x}"}


def _library(code: Source) -> dict[str, str]:
    """Return the variables by which a run's uv reads flow-ops from a private git repository, with the code's token.

    The token is in the Secret block; the deployment has its placeholder.
    """
    address = library.git_address(project.current().pyproject)
    block = code.credentials_block if isinstance(code, GitSource) else None
    if not block or not address or urlsplit(address).scheme != "https":
        return {}
    return source.credentials(GitSource(address), source.placeholder(block))


def shown(value: Any) -> str:
    if value is None or value in ({}, [], ""):
        return "-"
    if isinstance(value, str):
        return value
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    return text if len(text) <= 120 else f"{text[:110]}... ({digest})"


def _lock(root: Path) -> str:
    """Return the first digits of the digest of `uv.lock`, with the line ends of Linux; `none` without it."""
    try:
        content = (root / "uv.lock").read_bytes()
    except OSError:
        return "none"
    return hashlib.sha256(content.replace(b"\r\n", b"\n")).hexdigest()[:8]


def _schedule_to_create(schedule: State) -> DeploymentScheduleCreate:
    kept = {name: schedule[name] for name in ("active", "parameters", "slug")}
    return DeploymentScheduleCreate.model_validate({"schedule": schedule["timing"], **kept})


def _sorted(values: list[State] | None) -> list[State]:
    return sorted(values or [], key=lambda value: json.dumps(value, sort_keys=True))
