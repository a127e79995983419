"""From nothing to a Completed run on a worker: every command that a user types, timed one by one.

The server starts with an empty database; uv's cache is warm. The code goes to a bare git repository, from which
the run clones it and makes its environment with uv, as in production. A second run shows what the first one pays.
"""

from __future__ import annotations

import contextlib
import re
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from prefect.client.orchestration import SyncPrefectClient

from benchmarks.bench_start_of_run import service_settings
from benchmarks.harness import Figure, of_a_user, run
from benchmarks.scaffolds import OURS
from benchmarks.stages import read_stages
from helpers.support import prefect_server, prefect_worker
from helpers.workshop import git, publish

if TYPE_CHECKING:
    from collections.abc import Callable

POOL = "pool-dev"


def measure() -> list[Figure]:
    """Return the seconds of the whole, of its steps and of the run's stages."""
    steps: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        root, remote = folder / OURS.folder, folder / "remote.git"
        environment = of_a_user(folder)

        def timed(step: str, action: Callable[[], object]) -> None:
            start = time.perf_counter()
            action()
            steps[step] = time.perf_counter() - start

        def type_(*command: str) -> None:
            run(command, cwd=root, environment=environment)

        timed("generate", lambda: run(OURS.new, cwd=folder, environment=environment))
        timed("environment", lambda: type_("uv", "sync", "--quiet"))
        timed("push to a git remote", lambda: _push(root, remote))
        server_start = time.perf_counter()
        server = stack.enter_context(prefect_server(folder))
        steps["start of the server"] = time.perf_counter() - server_start
        environment |= {"PREFECT_API_URL": server.url}
        timed(
            "work pool", lambda: type_("uv", "run", "prefect", "work-pool", "create", "-t", "process", POOL)
        )
        timed("apply", lambda: type_("uv", "run", "deploy.py", "apply", "dev"))
        stack.enter_context(prefect_worker(server, POOL, folder, **_of_the_worker(environment)))
        timed("run", lambda: type_("uv", "run", "deploy.py", "run", "dev"))
        whole = sum(steps.values())
        timed("second run", lambda: type_("uv", "run", "deploy.py", "run", "dev"))
        second = steps.pop("second run")
        runs = _runs(server.url)
    return [
        Figure("nothing to Completed", whole, "s", 60, "server start included"),
        *(Figure(f"nothing to Completed: {step}", seconds, "s") for step, seconds in steps.items()),
        Figure("nothing to Completed: second run", second, "s"),
        *(
            Figure(f"{which} run, {stage}", seconds, "s")
            for which, stages in zip(("first", "second"), runs, strict=True)
            for stage, seconds in stages.items()
        ),
    ]


def _push(root: Path, remote: Path) -> None:
    """Commit and push to a bare repository beside, which the pins then name."""
    deploy = root / "deploy.py"
    source = f'GitSource("{remote.as_posix()}", branch="main")'
    pins = re.sub(r"GitSource\([^)]*\)", source, deploy.read_text(encoding="utf-8"))
    deploy.write_text(pins, encoding="utf-8")
    git(root.parent, "init", "--quiet", "--bare", "--initial-branch=main", str(remote))
    publish(root, remote)


def _of_the_worker(environment: dict[str, str]) -> dict[str, str]:
    return {**environment, **service_settings()}


def _runs(url: str) -> list[dict[str, float]]:
    with SyncPrefectClient(url) as client:
        found = client.request("POST", "/flow_runs/filter", json={"sort": "START_TIME_ASC"}).json()
        return [read_stages(client, one["id"]) for one in found if one["deployment_id"]]
