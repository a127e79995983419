"""From a server to the rows of the fleet, by reading alone: as many requests as there are pages, whatever the fleet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib import metadata
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import httpx
from packaging.version import InvalidVersion, Version
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas import filters
from prefect.client.schemas.objects import TERMINAL_STATES, FlowRun, StateType
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.sorting import DeploymentSort, FlowRunSort
from prefect.events.schemas.automations import Automation
from prefect.exceptions import PrefectHTTPStatusError

from flow_ops import repository, watchdog
from flow_ops.deploy import rollback, schedules, server, source, state
from flow_ops.fleet import problems
from flow_ops.fleet.rows import LAST, Fleet, Row
from flow_ops.hidden import without_credentials
from flow_ops.logging.formats import visible
from flow_ops.messages import FlowOpsError


def gather(client: SyncPrefectClient) -> Fleet:
    """Return every deployment of the server that a repository of this kind made, those that need a person first.

    Raises:
        FlowOpsError: FT-FLEET-13 where there is none; FT-SERVER-05 and the like where a request is refused.
    """
    now = datetime.now(UTC)
    with server.coded():
        rows = _rows(client)
        address = without_credentials(str(client.api_url)).rstrip("/")
        if not rows:
            raise FlowOpsError("FT-FLEET-13", url=address)
        notes = [*_add_watchdogs(client, rows)]
        _add_runs(client, rows)
    newest = max([Version(metadata.version("flow-ops")), *(row.flow_ops for row in rows if row.flow_ops)])
    zone = _zone(rows)
    for row in rows:
        row.usual_zone = zone.key
        row.next_run = next(iter(schedules.next_runs(row.active_schedules, 1, now)), None)
    problems.add(rows, newest)
    rows.sort(key=problems.urgency)
    return Fleet(address, now, zone, newest, rows, notes)


def runs_since(client: SyncPrefectClient, rows: Sequence[Row], start: datetime) -> dict[UUID, list[FlowRun]]:
    """Return the runs of these deployments that began after `start`, by deployment."""
    found = {
        row.id: [run for run in (*row.runs, *row.going) if run.start_time and run.start_time >= start]
        for row in rows
    }
    # Only of those that ran more often today than is known by now.
    busy = [row.id for row in rows if len(row.runs) == LAST and all(run in found[row.id] for run in row.runs)]
    if busy:
        began = filters.FlowRunFilter(
            deployment_id=filters.FlowRunFilterDeploymentId(any_=busy),
            start_time=filters.FlowRunFilterStartTime.model_validate({"after_": start}),
        )
        with server.coded():
            found |= _by_deployment(_runs(client, began, FlowRunSort.START_TIME_DESC))
    return found


def _rows(client: SyncPrefectClient) -> list[Row]:
    read = partial(client.read_deployments, sort=DeploymentSort.NAME_ASC)
    ours = [one for one in server.pages(read) if "repository" in _tags(one)]
    pools = {one.work_pool_name for one in ours if one.work_pool_name}
    # A request for each pool, of which a team has a handful.
    workers = {pool: server.workers_online(client, pool) for pool in sorted(pools)}
    return [_row(one, name, workers) for name, one in server.by_full_name(client, ours).items()]


def _row(one: DeploymentResponse, name: str, workers: dict[str, int | None]) -> Row:
    found, tags = state.actual(one), _tags(one)
    return Row(
        id=one.id,
        name=visible(name),
        repository=tags["repository"],
        area=tags.get("area", "-"),
        environment=tags.get("environment", "-"),
        # The server forgets the name of a pool that is deleted.
        pool=visible(one.work_pool_name) if one.work_pool_name else None,
        workers=workers.get(one.work_pool_name or ""),
        schedules=found["schedules"],
        paused=one.paused,
        source=source.read(found["pull_steps"]),
        commit=visible(one.version) if one.version else None,
        pin=rollback.pinned(found),
        # Up to 2.0.0 the tag of the template alone was written, and both had one version.
        flow_ops=_version(tags.get("flow-ops") or tags.get("template") or ""),
        lock=tags.get("lock"),
    )


def _version(written: str) -> Version | None:
    try:
        return Version(written)
    except InvalidVersion:
        return None


def _tags(one: DeploymentResponse) -> dict[str, str]:
    pairs = (visible(tag).partition(":") for tag in one.tags)
    return {name: value for name, colon, value in pairs if colon and value}


def _add_watchdogs(client: SyncPrefectClient, rows: Sequence[Row]) -> Iterable[FlowOpsError]:
    """Note the rules that are missing of each; yield FT-WATCHDOG-06 where the server has no automations."""
    try:
        automations: list[Automation] = list(server.pages(client.read_automations))
    except PrefectHTTPStatusError as error:
        status = error.response.status_code
        if status not in (httpx.codes.NOT_FOUND, httpx.codes.METHOD_NOT_ALLOWED):
            raise
        yield FlowOpsError("FT-WATCHDOG-06", server=client.api_url, status=status)
        return
    missing = watchdog.missing(automations, {row.name: row.id for row in rows})
    for row in rows:
        row.unwatched = missing[row.name]


def _add_runs(client: SyncPrefectClient, rows: Sequence[Row]) -> None:
    ids = [row.id for row in rows]
    ended = _last_ended(client, ids)
    of_these = filters.FlowRunFilterDeploymentId(any_=ids)
    now = filters.FlowRunFilterState(type=filters.FlowRunFilterStateType(any_=[StateType.RUNNING]))
    late = filters.FlowRunFilterState(name=filters.FlowRunFilterStateName(any_=["Late"]))
    going, waiting = (
        _by_deployment(
            _runs(client, filters.FlowRunFilter(deployment_id=of_these, state=each), FlowRunSort.ID_DESC)
        )
        for each in (now, late)
    )
    for row in rows:
        row.runs, row.going = ended.get(row.id, []), going.get(row.id, [])
        row.late = len(waiting.get(row.id, []))


def _last_ended(client: SyncPrefectClient, ids: Sequence[UUID]) -> dict[UUID, list[FlowRun]]:
    """Return the last runs that ended, the newest first, of each deployment.

    They are read from the newest back, a page at a time; a deployment of which there are enough is asked for no more,
    so that one that runs each minute takes the place of no other.
    """
    found: dict[UUID, dict[UUID, FlowRun]] = {one: {} for one in ids}
    before = datetime.now(UTC) + timedelta(days=1)
    while left := [one for one, runs in found.items() if len(runs) < LAST]:
        wanted = filters.FlowRunFilter(
            deployment_id=filters.FlowRunFilterDeploymentId(any_=left),
            state=filters.FlowRunFilterState(type=filters.FlowRunFilterStateType(any_=[*TERMINAL_STATES])),
            end_time=filters.FlowRunFilterEndTime.model_validate({"before_": before}),
        )
        newest_first = FlowRunSort.END_TIME_DESC
        page = client.read_flow_runs(flow_run_filter=wanted, sort=newest_first, limit=server.PAGE)
        known = sum(map(len, found.values()))
        for one, runs in _by_deployment(page).items():
            found[one] |= {run.id: run for run in runs}
        if len(page) < server.PAGE or sum(map(len, found.values())) == known:
            break
        # At this very moment others may have ended, which the next page shows again.
        before = page[-1].end_time or before
    return {one: list(runs.values())[:LAST] for one, runs in found.items()}


def _runs(client: SyncPrefectClient, wanted: filters.FlowRunFilter, sort: FlowRunSort) -> Iterable[FlowRun]:
    return server.pages(partial(client.read_flow_runs, flow_run_filter=wanted, sort=sort))


def _by_deployment(runs: Iterable[FlowRun]) -> dict[UUID, list[FlowRun]]:
    found: dict[UUID, list[FlowRun]] = {}
    for run in runs:
        if run.deployment_id:
            found.setdefault(run.deployment_id, []).append(run)
    return found


def _zone(rows: Sequence[Row]) -> ZoneInfo:
    """Return the repository's zone; outside of one, that of most schedules."""
    here = repository.find()
    said = here.pyproject["tool"]["flow-ops"].get("timezone") if here else None
    zones = Counter(schedules.zone_of(one["timing"]) for row in rows for one in row.schedules)
    for name in filter(None, (said, *(zone for zone, _ in zones.most_common()))):
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError):
            continue
    return ZoneInfo("UTC")
