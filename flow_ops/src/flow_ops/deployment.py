"""What `deploy.py` is written with: where each flow's code comes from, where it runs, when, and how."""

from __future__ import annotations

import sys

from flow_ops.deploy import cli
from flow_ops.deploy.pins import Deployments, Environment, FolderSource, GitSource
from flow_ops.watchdog import Limits, Notification

# All that deploy.py needs, from one place.
__all__ = ["Deployments", "Environment", "FolderSource", "GitSource", "Limits", "Notification", "main"]


def main(deployments: Deployments, arguments: list[str] | None = None) -> int:
    """Run the command line of `deploy.py` and return its exit status.

    Returns:
        0 for success, 1 for a problem, whose message was printed, 2 where `plan` found differences, and 130 for Ctrl-C.
    """
    return cli.run(deployments, sys.argv[1:] if arguments is None else arguments)
