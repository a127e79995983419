"""Back to the commit before: found in the log of the last runs that completed, checked, written and read back.

The server keeps it as the commit in the deployment's steps, and a tag that says since when.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import DeploymentUpdate
from prefect.client.schemas.objects import StateType
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.sorting import FlowRunSort

from flow_ops import project
from flow_ops.deploy import server, source, state
from flow_ops.deploy.pins import GitSource
from flow_ops.deploy.state import State
from flow_ops.deploy.targets import Target
from flow_ops.hidden import without_credentials
from flow_ops.logging.runs import COMMIT
from flow_ops.messages import FlowOpsError

_SAID = re.compile(rf"{re.escape(COMMIT)} ([0-9a-f]{{40}})")
# Begins the deployment's tag that says since when.
_TAG = "pinned:"
_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True)
class Pin:
    """The commit that each run takes, and since when."""

    commit: str
    since: datetime


def pinned(found: State | None) -> Pin | None:
    """Return how a deployment, as `state.actual` gives it, is pinned; None where it is not, or by deploy.py alone."""
    if found is None:
        return None
    code = source.read(found["pull_steps"])
    for each in found["tags"]:
        if each.startswith(_TAG) and isinstance(code, GitSource) and code.commit:
            try:
                since = datetime.strptime(each.removeprefix(_TAG), _FORMAT).replace(tzinfo=UTC)
            except ValueError:  # Somebody's own tag.
                continue
            return Pin(code.commit, since)
    return None


def problems(target: Target, found: State | None) -> Iterator[FlowOpsError]:
    """Yield FT-BACK-04, that says so, for a deployment that is pinned."""
    if pin := pinned(found):
        since = f"{pin.since.astimezone(project.current().zone):%Y-%m-%d %H:%M}"
        shown = {"deployment": target.full_name, "environment": target.words}
        yield FlowOpsError("FT-BACK-04", **shown, commit=pin.commit[:8], since=since)


@dataclass(frozen=True)
class Move:
    """A deployment, the commit that its runs take now, and the one to go back to."""

    target: Target
    deployment: DeploymentResponse
    source: GitSource
    before: str
    commit: str


def find(client: SyncPrefectClient, target: Target, deployment: DeploymentResponse, to: str | None) -> Move:
    """Return where a deployment goes back to: to the commit `to`, or to that of the last run that completed with other code.

    Raises:
        FlowOpsError: FT-BACK-01 where the code is in a folder, FT-BACK-02 where no run says a commit, FT-BACK-03 where
            the remote repository does not have it; FT-GIT-05 and FT-GIT-06 where that cannot be asked.
    """
    found = source.read(deployment.pull_steps or []) or target.source
    if not isinstance(found, GitSource):
        raise FlowOpsError("FT-BACK-01", deployment=target.full_name, path=found.path)
    branch = target.source.branch if isinstance(target.source, GitSource) else found.branch
    root = project.current().root
    head, heads = source.fetch(dataclasses.replace(found, branch=branch, commit=None), root)
    current = found.commit or head
    if to is not None:
        commit = source.on_remote(to, heads, root)
        if commit is None:
            raise FlowOpsError("FT-BACK-03", commit=to, url=without_credentials(found.url), newest=head[:8])
    else:
        others = (one for one in completed(client, deployment) if one != current)
        commit = next((one for one in others if source.is_ancestor(root, one, current)), None)
        if commit is None:
            shown = {"deployment": target.full_name, "environment": target.words}
            raise FlowOpsError("FT-BACK-02", **shown, current=current[:8])
    return Move(target, deployment, found, current, commit)


def completed(client: SyncPrefectClient, deployment: DeploymentResponse) -> Iterator[str]:
    """Yield the commits of the last runs that completed, as they said them in their log, the newest first."""
    runs = server.flow_runs(client, deployment.id, [StateType.COMPLETED], FlowRunSort.END_TIME_DESC)
    if not runs:
        return
    said = {}
    for record in server.log_records(client, [run.id for run in runs], COMMIT):
        if match := _SAID.match(record.message):
            said[record.flow_run_id] = match[1]
    yield from dict.fromkeys(said[run.id] for run in runs if run.id in said)


def pin(client: SyncPrefectClient, move: Move) -> None:
    """Write the commit and since when, and nothing else of the deployment; read it back. What is there already stays.

    Raises:
        FlowOpsError: FT-DEPLOY-04 where the server has something else afterwards.
    """
    before = state.actual(move.deployment)
    held = pinned(before)
    if held and held.commit == move.commit:
        return
    tags = [tag for tag in before["tags"] if not tag.startswith(_TAG)]
    changed: dict[str, Any] = {
        "version": move.commit,
        "pull_steps": source.steps(dataclasses.replace(move.source, commit=move.commit)),
        "tags": sorted([*tags, f"{_TAG}{datetime.now(UTC):{_FORMAT}}"]),
    }
    client.update_deployment(move.deployment.id, DeploymentUpdate(**changed))
    state.prove(client, move.target.full_name, {**before, **changed})
