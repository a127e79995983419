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
import time
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from flow_ops.messages import FlowOpsError
from prefect.settings import get_current_settings
from prefect.task_runners import ProcessPoolTaskRunner, ThreadPoolTaskRunner

if TYPE_CHECKING:
    from prefect.task_runners import TaskRunner

VARIABLE = "FLOW_TASK_RUNNER"
PACKAGES = {"dask": "prefect-dask", "ray": "prefect-ray"}


def task_runner() -> TaskRunner[Any]:
    """Return the task runner that `FLOW_TASK_RUNNER` names.

    Raises:
        FlowOpsError: FT-RUNNER-01 for a value that is none of the table's, FT-RUNNER-02 where the package
            of Dask or Ray is not installed, FT-RUNNER-03 for other processes without a server.
    """
    chosen = os.environ.get(VARIABLE, "") or "threads"
    kind, detail = parse(chosen)
    workers = int(detail) if detail.isdecimal() else None
    if kind == "threads":
        return ThreadPoolTaskRunner(max_workers=workers)
    if not get_current_settings().api.url:
        raise FlowOpsError("FT-RUNNER-03", runner=chosen)
    check(chosen)
    if kind == "processes":
        return ProcessPoolTaskRunner(max_workers=workers)
    if kind == "ray":
        _open_ray(detail)
    module = import_module(PACKAGES[kind].replace("-", "_"))
    runner = module.DaskTaskRunner if kind == "dask" else module.RayTaskRunner
    chosen_runner: TaskRunner[Any] = runner(address=detail or None)
    return chosen_runner


def _open_ray(address: str) -> None:
    """Open Ray for the rest of this process: a runner that opened it would close it under other subflows."""
    # Seen under `uv run`, as every run on a worker is: Ray copies the repository and looks for itself in the
    # copy's empty environment, without end. Its processes on this machine have ours.
    os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
    ray = import_module("ray")
    if not ray.is_initialized():
        # Nobody looks at the dashboard of a cluster that ends with the run, which waits 3 of its 11 s for it.
        ray.init(address or None, include_dashboard=False)
        if not address:
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
    kind, _, detail = chosen.partition(":")
    legal = {
        "threads": detail.isdecimal() and int(detail) > 0,
        "processes": detail.isdecimal() and int(detail) > 0,
        "dask": detail.startswith(("tcp://", "tls://")),
        "ray": detail.startswith("ray://"),
    }
    if kind not in legal or ((detail or chosen.endswith(":")) and not legal[kind]):
        raise FlowOpsError("FT-RUNNER-01", runner=chosen, variable=VARIABLE)
    return kind, detail
