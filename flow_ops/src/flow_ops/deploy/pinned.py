"""A deployment that `deploy.py rollback` holds at one commit: how the server keeps that, and how it is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flow_ops.deploy import source
from flow_ops.deploy.pins import GitSource

# Begins the deployment's tag that says since when.
TAG = "pinned:"
_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True)
class Pin:
    """The commit that each run takes, and since when."""

    commit: str
    since: datetime


def tag(since: datetime) -> str:
    return TAG + since.astimezone(UTC).strftime(_FORMAT)


def read(state: Mapping[str, Any] | None) -> Pin | None:
    """Return how a deployment, as `state.actual` gives it, is pinned; None where it is not, or by deploy.py alone."""
    if state is None:
        return None
    found = source.read(state["pull_steps"])
    for each in state["tags"]:
        if each.startswith(TAG) and isinstance(found, GitSource) and found.commit:
            try:
                since = datetime.strptime(each.removeprefix(TAG), _FORMAT).replace(tzinfo=UTC)
            except ValueError:  # Somebody's own tag.
                continue
            return Pin(found.commit, since)
    return None
