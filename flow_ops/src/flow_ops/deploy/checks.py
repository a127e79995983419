"""What must be true before a deployment is touched. Every check reads; none writes.

A check yields a problem for each thing that is wrong, so that all of them are shown at once.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfoNotFoundError, available_timezones

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterTags
from prefect.client.schemas.objects import WorkPool
from prefect.client.schemas.responses import DeploymentResponse
from prefect.exceptions import ObjectNotFound
from prefect.utilities.schema_tools.validation import validate

from flow_ops import flow_parameters, git, hidden, library, programs, project, shell, task_runners, watchdog
from flow_ops.deploy import schedules, server, source, state
from flow_ops.deploy.pins import Deployments, Environment, FolderSource, GitSource, Schedule
from flow_ops.deploy.targets import Target, environment_names
from flow_ops.messages import FlowOpsError, nearest

# These are told and stop nothing.
WARNINGS = {
    *("FT-LOCK-01", "FT-MACHINE-01", "FT-SERVER-10", "FT-SERVER-12", "FT-LIBRARY-10", "FT-WATCHDOG-07"),
    *("FT-SCHED-07", "FT-SCHED-08", "FT-SCHED-09", "FT-SCHED-10", "FT-SCHED-11", "FT-SCHED-12"),
    *("FT-POOL-05", "FT-POOL-06", "FT-POOL-11", "FT-IMAGE-02", "FT-DEPLOY-07", "FT-DEPLOY-08"),
    *("FT-UPDATE-01", "FT-UPDATE-02", "FT-UPDATE-03", "FT-UPDATE-04", "FT-UPDATE-07", "FT-UPDATE-12"),
    *("FT-SOURCE-07", "FT-SOURCE-08"),
}

_PLACEHOLDER = re.compile(
    r"\{\{\s*prefect\.(?:blocks\.(?P<type>[\w-]+)\.(?P<block>[\w-]+)|variables\.(?P<variable>[\w-]+))"
)
# What has a field of its own in Environment, or none because it would bypass the run's environment.
_OWN_FIELDS = {"command", "env", "image"}
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
# As the OCI Distribution Specification and Docker's reference grammar have it.
_IMAGE = re.compile(
    rf"(?:[A-Za-z0-9][A-Za-z0-9.-]*(?::\d+)?/)?{_PART}(?:/{_PART})*"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9._-]{0,127}))?(?P<digest>@sha256:[0-9a-f]{64})?"
)
_SHORTEST_INTERVAL = timedelta(minutes=1)


def stops(problem: FlowOpsError) -> bool:
    """Return whether a deployment must not go on with this problem."""
    return problem.code not in WARNINGS


def repository(deployments: Deployments) -> Iterator[FlowOpsError]:
    """Yield what is wrong with the pins that all deployments share."""
    about = project.current()
    yield from _timezone(deployments.timezone, about.timezone)
    yield from lock(about.root)
    dependencies = about.pyproject["project"].get("dependencies", [])
    if not any(re.match(r"(?i)prefect\b(?!-)", dependency) for dependency in dependencies):
        yield FlowOpsError("FT-FLOW-05", file=about.root / "pyproject.toml")
    yield from library.problems(about.root, about.pyproject)


def lock(root: Path) -> Iterator[FlowOpsError]:
    """Yield a warning where `uv.lock`, by which every run gets the same packages, is not committed or out of date."""
    uv, is_kept = shutil.which("uv"), (root / "uv.lock").is_file()
    with contextlib.suppress(OSError, subprocess.SubprocessError):  # Outside git there is nothing to commit.
        tracked = git.run(root, "ls-files", "--cached").splitlines()
        is_kept = is_kept and (not tracked or "uv.lock" in tracked)
    # 1: it would change. Anything else, such as a package that only the index knows, proves nothing.
    check = "lock", "--check", "--offline", "--quiet"
    if not is_kept or (uv and programs.run([uv, *check], root).returncode == 1):
        yield FlowOpsError("FT-LOCK-01", folder=root)


def machine() -> Iterator[FlowOpsError]:
    """Yield what this machine lacks to run and deploy flows."""
    if not shutil.which("uv"):
        yield FlowOpsError("FT-MACHINE-01")


def pins(target: Target) -> Iterator[FlowOpsError]:
    """Yield what is wrong with one deployment as it is written in the file."""
    yield from watchdog.check_timeout(target.deployments.limits, target.loaded.flow.timeout_seconds)
    yield from _pool_name(target)
    yield from _schedules(target)
    yield from _parameters(target)
    yield from _environment(target.environment_name, target.environment)
    yield from source.written(target.source)


def code(targets: Sequence[Target]) -> Iterator[FlowOpsError]:
    """Yield what stands between the code here and the code that a run would get."""
    about = project.current()
    for one in dict.fromkeys(target.source for target in targets):
        entrypoints = [t.loaded.entrypoint for t in targets if t.source == one]
        files = [file for file, colon, _ in (each.partition(":") for each in entrypoints) if colon]
        yield from source.problems(one, about.root, files)
        if isinstance(one, FolderSource):
            yield from _clone(one.path, about.root)


def _clone(path: str, root: Path) -> Iterator[FlowOpsError]:
    """Yield a warning where a folder of this machine is a git repository that is behind the one here."""
    if not Path(path, ".git").exists():
        return
    with contextlib.suppress(OSError, subprocess.SubprocessError):  # It may be somebody else's, for instance.
        there, here = (git.run(Path(each), "rev-parse", "HEAD").strip() for each in (path, root))
        if there != here and source.is_ancestor(root, there, here):
            place = shell.arguments([path])
            yield FlowOpsError("FT-SOURCE-08", path=path, place=place, there=there[:8], here=here[:8])


def folders(targets: Sequence[Target]) -> Iterator[FlowOpsError]:
    """Yield a warning for each folder of the source that is not on this machine, if its path is one of this system.

    One of another system can only be on the worker's machine.
    """
    for path in dict.fromkeys(t.source.path for t in targets if isinstance(t.source, FolderSource)):
        folder = Path(path)
        if folder.is_absolute() and Path(folder.anchor).exists() and not folder.is_dir():
            yield FlowOpsError("FT-SOURCE-07", path=path)


def not_deployed(targets: Iterable[Target]) -> Iterator[FlowOpsError]:
    """Yield a warning for each deployment that the server does not have."""
    for target in targets:
        yield FlowOpsError("FT-DEPLOY-07", deployment=target.full_name, environment=target.words)


def held(deployed: Sequence[tuple[Target, DeploymentResponse]]) -> Iterator[FlowOpsError]:
    """Yield a warning for each deployment that someone paused, and one for those whose schedules the file wants so."""
    as_written = []
    for target, deployment in deployed:
        kind = state.held(target, state.actual(deployment))
        if kind == "starts-paused":
            as_written.append(target)
        elif kind:
            yield FlowOpsError("FT-SCHED-11", deployment=target.full_name, environment=target.words)
    if as_written:
        names, first = ", ".join(target.full_name for target in as_written), as_written[0]
        yield FlowOpsError(
            "FT-SCHED-12", deployments=names, deployment=first.full_name, environment=first.words
        )


def unwatched(
    client: SyncPrefectClient, deployed: Sequence[tuple[Target, DeploymentResponse]]
) -> Iterator[FlowOpsError]:
    """Yield a warning for each deployment whose watchdog is not whole: somebody deleted rules of it, or disabled them."""
    for target, deployment in deployed:
        name, notification = target.full_name, target.deployments.notification
        if rules := watchdog.unwatched(client, deployment.id, name, notification):
            shown = {"deployment": name, "environment": target.words}
            yield FlowOpsError("FT-WATCHDOG-07", **shown, rules=", ".join(rules))


def unnamed(others: Mapping[str, DeploymentResponse]) -> Iterator[FlowOpsError]:
    """Yield a warning for each deployment of this repository that the file does not name."""
    for name in others:
        yield FlowOpsError("FT-DEPLOY-08", deployment=name)


def server_side(client: SyncPrefectClient, targets: Sequence[Target]) -> Iterator[FlowOpsError]:
    """Yield what the server lacks, or has paused, of what these deployments need."""
    yield from server.older(client)
    if any(target.environment_name == "prod" for target in targets):
        yield from server.open_to_all()
    yield from pools(client, targets)
    for target in targets:
        yield from _blocks(client, target)
    yield from _areas(client, targets)
    for notification in {target.deployments.notification for target in targets}:
        try:
            watchdog.find_channel(client, notification)
        except FlowOpsError as problem:
            yield problem


def pools(client: SyncPrefectClient, targets: Sequence[Target]) -> Iterator[FlowOpsError]:
    """Yield what is wrong with the work pools of these deployments; a warning where runs would wait in one."""
    there = {pool.name: pool for pool in server.pages(client.read_work_pools)}
    for name, environment in sorted({t.environment.work_pool: t.environment_name for t in targets}.items()):
        yield from _pool(client, name, environment, there)
    for target in targets:
        if pool := there.get(target.environment.work_pool):
            yield from _pool_type(pool, target)


def _timezone(name: str, pinned: str) -> Iterator[FlowOpsError]:
    # Some systems list their own setting among the zones.
    zones = sorted(available_timezones() - {"localtime", "posixrules", "Factory"})
    if name not in zones:
        # People write the city, with blanks and capitals of their own.
        tidy = re.sub(r"\s*/\s*", "/", name.strip()).replace(" ", "_")
        same_city = [zone for zone in zones if _city(zone) == _city(tidy)]
        near = pinned if pinned in same_city else next(iter(same_city), nearest(tidy, zones))
        yield FlowOpsError("FT-ZONE-01", timezone=name, near=near)
    elif schedules.is_universal(name):
        yield FlowOpsError("FT-ZONE-02", timezone=name)
    elif name != pinned:
        yield FlowOpsError("FT-ZONE-03", timezone=name, pinned=pinned)


def _city(zone: str) -> str:
    return zone.rpartition("/")[2].lower()


def _pool_name(target: Target) -> Iterator[FlowOpsError]:
    pool, name = target.environment.work_pool, target.environment_name
    others = [other for other in environment_names(target.deployments) if other != name]
    if not pool.endswith(f"-{name}"):
        belongs = next((other for other in others if pool.endswith(f"-{other}")), "-")
        yield FlowOpsError("FT-POOL-03", pool=pool, environment=name, belongs=belongs)


def _schedules(target: Target) -> Iterator[FlowOpsError]:
    seen = set()
    zone = target.deployments.timezone
    for schedule in target.environment.schedules:
        if isinstance(schedule, timedelta):
            if schedule < _SHORTEST_INTERVAL:
                yield FlowOpsError("FT-SCHED-02", interval=schedule)
        else:
            yield from _cron(schedule)
        if schedule in seen:
            yield FlowOpsError("FT-SCHED-06", schedule=schedule, environment=target.environment_name)
        seen.add(schedule)
        with contextlib.suppress(ValueError, ZoneInfoNotFoundError):  # Those have been told already.
            yield from clock_changes(schedule, zone, datetime.now(UTC))


def clock_changes(schedule: Schedule, zone: str, start: datetime) -> Iterator[FlowOpsError]:
    """Yield what the next change of the zone's clocks does to a schedule, within a year of `start`.

    Raises:
        ValueError: the schedule is none; ZoneInfoNotFoundError: nor is the zone.
    """
    odd = schedules.odd_day(schedules.plain(schedule, zone), start)
    if odd and odd.hours - odd.usual:
        here, usual = (
            ", ".join(sorted(a - b)) or "-" for a, b in ((odd.hours, odd.usual), (odd.usual, odd.hours))
        )
        yield FlowOpsError("FT-SCHED-09", schedule=schedule, day=odd.day, zone=zone, hours=here, usual=usual)
    elif odd:
        yield FlowOpsError("FT-SCHED-10", schedule=schedule, day=odd.day, zone=zone)


def _cron(cron: str) -> Iterator[FlowOpsError]:
    try:
        fires = schedules.next_runs([{"timing": schedules.plain(cron, "UTC"), "active": True}], 1)
    except ValueError:
        fires = []
    # Prefect takes a sixth field, seconds; every cron that people read elsewhere has five.
    if not fires or len(cron.split()) != 5:
        yield FlowOpsError("FT-SCHED-01", cron=cron)
        return
    minute, hour, day, month, weekday = cron.split()
    if minute in ("*", "*/1"):
        yield FlowOpsError("FT-SCHED-08", cron=cron)
    if day != "*" and weekday != "*":
        yield FlowOpsError("FT-SCHED-07", cron=cron, first=f"{minute} {hour} * {month} mon#1")


def _parameters(target: Target) -> Iterator[FlowOpsError]:
    flow, given = target.loaded.flow, dict(target.environment.parameters)
    known = target.loaded.schema.get("properties", {})
    unknown = [name for name in given if name not in known]
    for name in unknown:
        near = nearest(name, list(known))
        yield FlowOpsError(
            "FT-PARAM-01", parameter=name, flow=flow.name, known=", ".join(known) or "-", near=near
        )
    missing = [name for name in target.loaded.schema.get("required", []) if name not in given]
    if missing and target.environment.schedules:
        yield FlowOpsError("FT-PARAM-03", parameters=", ".join(missing), environment=target.environment_name)
    try:
        sent = flow_parameters.as_sent(flow, {name: given[name] for name in given if name in known})
    except FlowOpsError as problem:
        yield problem
        return
    for name, value in sent.items():
        if hidden.hide(name, value) != value:
            yield FlowOpsError("FT-PARAM-05", parameter=name, environment=target.environment_name)
    for error in validate(sent, target.loaded.schema, ignore_required=True):
        yield flow_parameters.refused(flow, sent, error.json_path, error.message)


def _environment(name: str, pins: Environment) -> Iterator[FlowOpsError]:
    for key, value in pins.env.items():
        if hidden.looks_secret(key, value):
            yield FlowOpsError("FT-ENV-02", variable=key, environment=name)
    if "PATH" in pins.env:
        yield FlowOpsError("FT-ENV-03", variable="PATH", environment=name)
    for key in sorted(_OWN_FIELDS & pins.job_variables.keys()):
        yield FlowOpsError("FT-ENV-04", variable=key, environment=name)
    yield from _image(name, pins.image)
    try:
        task_runners.check(pins.task_runner)
    except FlowOpsError as problem:
        yield problem


def _image(environment: str, image: str | None) -> Iterator[FlowOpsError]:
    if image is None or "{{" in image:
        return
    found = _IMAGE.fullmatch(image)
    if not found:
        yield FlowOpsError("FT-IMAGE-01", image=image, environment=environment)
    elif not found["digest"] and found["tag"] in (None, "latest"):
        yield FlowOpsError("FT-IMAGE-02", image=image, environment=environment)


def _pool(
    client: SyncPrefectClient, name: str, environment: str, pools: Mapping[str, WorkPool]
) -> Iterator[FlowOpsError]:
    if name not in pools:
        known = ", ".join(sorted(pools)) or "-"
        # What all of an environment end with makes none of them alike.
        suffix = f"-{environment}"
        near = nearest(
            name.removesuffix(suffix), [p.removesuffix(suffix) for p in pools if p.endswith(suffix)]
        )
        near += suffix if near != "-" else ""
        yield FlowOpsError("FT-POOL-01", pool=name, known=known, near=near)
        return
    pool = pools[name]
    if pool.is_paused:
        yield FlowOpsError("FT-POOL-02", pool=name)
    queue = client.read_work_queue(pool.default_queue_id)
    if queue.is_paused or 0 in (pool.concurrency_limit, queue.concurrency_limit):
        yield FlowOpsError("FT-POOL-06", pool=name, queue=queue.name)
    if not server.workers_online(client, name):
        yield FlowOpsError("FT-POOL-05", pool=name, type=pool.type)


def _pool_type(pool: WorkPool, target: Target) -> Iterator[FlowOpsError]:
    """Compare an environment with the job variables that the pool's base job template has."""
    schema = pool.base_job_template.get("variables", {})
    variables, pins = schema.get("properties", {}), target.environment
    if pins.image and "image" not in variables:
        yield FlowOpsError("FT-POOL-04", pool=pool.name, type=pool.type, needs="image")
    elif not pins.image and pool.type != "process" and not variables.get("image", {}).get("default"):
        yield FlowOpsError("FT-POOL-08", pool=pool.name, type=pool.type)
    elif isinstance(target.source, FolderSource) and pool.type != "process":
        yield FlowOpsError("FT-POOL-09", pool=pool.name, type=pool.type, path=target.source.path)
    unknown = [name for name in pins.job_variables if name not in {*variables, *_OWN_FIELDS}]
    if unknown:
        known = ", ".join(sorted({*variables} - _OWN_FIELDS)) or "-"
        yield FlowOpsError("FT-POOL-07", pool=pool.name, variables=", ".join(unknown), known=known)
    # Placeholders become values on the worker.
    given = {name: value for name, value in pins.job_variables.items() if "{{" not in str(value)}
    for error in validate(given, schema, ignore_required=True, allow_none_with_default=True):
        name = error.json_path.removeprefix("$.")
        yield FlowOpsError("FT-POOL-10", pool=pool.name, type=pool.type, variable=name, reason=error.message)


def _areas(client: SyncPrefectClient, targets: Sequence[Target]) -> Iterator[FlowOpsError]:
    """Yield a warning for each pool whose name begins with the area of other deployments, not with this repository's.

    A repository does not know the other areas: only the tags of what is on the server say that a name is one.
    """
    ours = project.current().area
    for target in {each.environment.work_pool: each for each in targets}.values():
        pool = target.environment.work_pool
        area = pool.removesuffix(f"-{target.environment_name}")
        if area == ours or f"area:{area}" in target.environment.tags:
            continue
        of_it = DeploymentFilter(tags=DeploymentFilterTags(all_=[f"area:{area}"]))
        if client.read_deployments(deployment_filter=of_it, limit=1):
            yield FlowOpsError("FT-POOL-11", pool=pool, area=area, ours=ours)


def _blocks(client: SyncPrefectClient, target: Target) -> Iterator[FlowOpsError]:
    environment = target.environment_name
    written = json.dumps(state.job_variables(target.environment, target.source), default=str)
    found = list(_PLACEHOLDER.finditer(written))
    wanted = {(match["type"], match["block"]) for match in found if match["block"]}
    if isinstance(target.source, GitSource) and target.source.credentials_block:
        wanted.add(("secret", target.source.credentials_block))
    for block_type, name in sorted(wanted):
        if not _has_block(client, block_type, name):
            yield FlowOpsError("FT-BLOCK-01", name=name, type=block_type, environment=environment)
        elif isinstance(target.source, GitSource) and name == target.source.credentials_block:
            yield from _token(client, target.source)
    for name in sorted({match["variable"] for match in found if match["variable"]}):
        if client.read_variable_by_name(name) is None:
            yield FlowOpsError("FT-BLOCK-02", variable=name, environment=environment)


def _token(client: SyncPrefectClient, one: GitSource) -> Iterator[FlowOpsError]:
    """Yield FT-GIT-13 where the token of the source's block does not read the repository."""
    document = client.read_block_document_by_name(str(one.credentials_block), "secret", include_secrets=True)
    if not list(source.written(one)):
        yield from source.unreadable(one, str(document.data["value"]), project.current().root)


def _has_block(client: SyncPrefectClient, block_type: str, name: str) -> bool:
    try:
        client.read_block_document_by_name(name, block_type, include_secrets=False)
    except ObjectNotFound:
        return False
    return True
