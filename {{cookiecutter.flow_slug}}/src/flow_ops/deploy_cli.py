"""The command line of `deploy.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flow_ops.deployment import Deployments


def run(deployments: Deployments, arguments: list[str]) -> int:
    """Run one command and return its exit status."""
    raise NotImplementedError(deployments, arguments)
