"""Where the tasks of `.submit()` and `.map()` run: threads, processes, a Dask cluster or a Ray one.

The variable `FLOW_TASK_RUNNER` chooses; `Environment(task_runner=...)` in deploy.py sets it for the runs of
one environment. The flow's code stays as it is.

| value                      | the tasks run                                                              |
|----------------------------|----------------------------------------------------------------------------|
| `threads`, `threads:16`    | in threads of the run's process: the default, right for waiting on others  |
| `processes`, `processes:4` | in processes of the run's machine: right for computing in Python           |
| `dask`                     | on a temporary Dask cluster on the run's machine                           |
| `dask:tcp://host:8786`     | on the Dask cluster with that scheduler                                    |
| `ray`                      | on a temporary Ray cluster on the run's machine                            |
| `ray:ray://host:10001`     | on the Ray cluster with that address                                       |

All but threads need a server (`PREFECT_API_URL`): other processes cannot reach a run's temporary one.
Dask and Ray need the package `prefect-dask` or `prefect-ray` in the repository (`uv add prefect-dask`), and a
cluster that exists already needs the repository's package on its workers.
"""

from __future__ import annotations

import atexit
import os
import re
import socket
import time
from importlib import import_module
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from prefect.settings import get_current_settings
from prefect.task_runners import ProcessPoolTaskRunner, TaskRunner, ThreadPoolTaskRunner

from flow_ops.messages import FlowOpsError

__all__ = ["task_runner"]

VARIABLE = "FLOW_TASK_RUNNER"
PACKAGES = {"dask": "prefect-dask", "ray": "prefect-ray"}
# What may follow the kind, after a colon.
_DETAILS = {
    "threads": r"0*[1-9]\d*",
    "processes": r"0*[1-9]\d*",
    "dask": r"(tcp|tls)://\S+:\d+",
    "ray": r"ray://\S+:\d+",
}
# Seconds to wait for a cluster's port; the engines themselves try for 30.
CONNECT_SECONDS = 5


def task_runner() -> TaskRunner[Any]:
    """Return the task runner that `FLOW_TASK_RUNNER` names, once it is `ready`."""
    kind, detail = ready()
    workers = int(detail) if detail.isdecimal() else None
    if kind == "threads":
        return ThreadPoolTaskRunner(max_workers=workers)
    if kind == "processes":
        return ProcessPoolTaskRunner(max_workers=workers)
    if kind == "ray":
        _open_ray(detail)
    module = import_module(PACKAGES[kind].replace("-", "_"))
    runner = module.DaskTaskRunner if kind == "dask" else module.RayTaskRunner
    chosen_runner: TaskRunner[Any] = runner(address=detail or None)
    return chosen_runner


def ready() -> tuple[str, str]:
    """Return the kind that `FLOW_TASK_RUNNER` names, and its number of workers or address, once they can be used.

    Raises:
        FlowOpsError: FT-RUNNER-01 for a value that is none of the table's, FT-RUNNER-02 where the package
            of Dask or Ray is not installed, FT-RUNNER-03 for other processes without a server, FT-RUNNER-04 for
            a cluster that does not answer.
    """
    chosen = os.environ.get(VARIABLE, "") or "threads"
    kind, detail = parse(chosen)
    if kind != "threads" and not get_current_settings().api.url:
        raise FlowOpsError("FT-RUNNER-03", runner=chosen)
    check(chosen)
    if "://" in detail:
        try:
            cluster = urlsplit(detail)
            socket.create_connection((cluster.hostname, cluster.port), timeout=CONNECT_SECONDS).close()
        except (OSError, ValueError) as error:
            raise FlowOpsError("FT-RUNNER-04", address=detail, problem=error, variable=VARIABLE) from None
    return kind, detail


def _open_ray(address: str) -> None:
    """Open Ray for the rest of this process: a runner that opened it would close it under other subflows."""
    # Seen under `uv run`, as every run on a worker is: Ray copies the repository and looks for itself in the
    # copy's empty environment, without end. Its processes on this machine have ours.
    os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
    ray = import_module("ray")
    if not ray.is_initialized():
        if address:
            ray.init(address)
        else:
            # Nobody looks at the dashboard of a cluster that ends with the run, which would wait for it for seconds.
            ray.init(include_dashboard=False)
            # Ray ends its processes with this one, with the log lines that they send to the UI every few seconds.
            atexit.register(time.sleep, get_current_settings().logging.to_api.batch_interval + 1)


def check(chosen: str) -> None:
    """Check that a task runner is one of the table's and that its package is installed.

    Raises:
        FlowOpsError: FT-RUNNER-01 or FT-RUNNER-02 where it is not.
    """
    package = PACKAGES.get(parse(chosen)[0])
    if package and find_spec(package.replace("-", "_")) is None:
        raise FlowOpsError("FT-RUNNER-02", runner=chosen, package=package)


def parse(chosen: str) -> tuple[str, str]:
    """Return the kind of a task runner and its number of workers or address, or an empty text.

    Raises:
        FlowOpsError: FT-RUNNER-01 for a value that is none of the table's.
    """
    kind, colon, detail = chosen.partition(":")
    if kind not in _DETAILS or (colon and not re.fullmatch(_DETAILS[kind], detail, re.ASCII)):
        raise FlowOpsError("FT-RUNNER-01", runner=chosen, variable=VARIABLE)
    return kind, detail
