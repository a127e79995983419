"""What `deploy.py` is written with: where each flow's code comes from, where it runs, when, and how."""

from __future__ import annotations

import sys
import traceback
import zoneinfo
from pathlib import Path
from types import TracebackType

from flow_ops.importing import uncollected
from flow_ops.messages import FlowOpsError, print_error

with uncollected():  # The first module that imports Prefect.
    from flow_ops.deploy.pins import Deployments, Environment, FolderSource, GitSource
    from flow_ops.watchdog import Limits, Notification

# All that deploy.py needs, from one place.
__all__ = ["Deployments", "Environment", "FolderSource", "GitSource", "Limits", "Notification", "main"]


def _explain(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Say what is wrong in deploy.py itself, which Python reads before `main` could catch anything."""
    innermost = traceback.extract_tb(trace)[-1:]
    if isinstance(error, FlowOpsError):
        print_error(error)
    elif innermost and Path(innermost[0].filename).name == "deploy.py" and isinstance(error, Exception):
        reason = f"{kind.__name__}: {error}"
        print_error(FlowOpsError("FT-DEPLOY-09", line=innermost[0].lineno, reason=reason))
    else:
        sys.__excepthook__(kind, error, trace)


sys.excepthook = _explain


def main(deployments: Deployments, arguments: list[str] | None = None) -> int:
    """Run the command line of `deploy.py` and return its exit status.

    Returns:
        0 for success, 1 for a problem, whose message was printed, and 2 where `plan` found differences.
    """
    # Imported here: the conformance tests import deploy.py for its pins alone.
    with uncollected():
        from flow_ops.deploy.cli import run  # noqa: PLC0415
    # Prefect lists all time zones for each schedule that it reads: 5 ms where it looks through the system's
    # folders, 0.2 ms with the package tzdata alone, which has the same zones on every machine.
    zoneinfo.reset_tzpath(to=[])

    return run(deployments, sys.argv[1:] if arguments is None else arguments)
