"""What a run costs beyond its flow: the way from its creation to Completed.

One server, one trivial flow deployed to two pools, a worker on each: one with Prefect's defaults, one with
the variables that `flow_ops.worker.service` gives its service. The runs are created one after another, each at a
random moment between two polls, and there are many of them: a wait is anything from nothing to a whole poll. The
server's own history of their states says where the time goes.
"""

from __future__ import annotations

import contextlib
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from benchmarks.harness import QUICK, TEMPLATE, Figure, run
from helpers.support import PREFECT, prefect_server, process, wait_until

sys.path.insert(0, str(TEMPLATE / "flow_ops" / "src"))

from prefect.client.orchestration import SyncPrefectClient

from benchmarks.stages import STAGES, read_stages
from flow_ops.worker.plan import Service

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from helpers.support import Server

RUNS = 1 if QUICK else 30
# Seconds between the polls of a worker with Prefect's defaults.
DEFAULT_POLL = 10.0
# The pool of each side, and whether its job variables name a command: Prefect then starts the flow's process itself,
# and not through one more that has imported Prefect too.
SIDES = {
    "defaults": ("defaults",),
    "service": ("service",),
    "service, with a command": ("service", "command"),
}
FLOW = """
from prefect import flow
@flow
def trivial():
    pass
"""
# Deploys where it is told to; in a process of its own, because Prefect fixes its settings when it is imported.
DEPLOY = """
import sys
from prefect import flow
command = {"command": f"{sys.executable} -m prefect.engine"} if sys.argv[3:] else {}
flow.from_source(sys.argv[1], entrypoint="trivial.py:trivial").deploy(
    "-".join(sys.argv[2:]), work_pool_name=sys.argv[2], job_variables=command,
    build=False, ignore_warnings=True, print_next_steps=False)
"""


def measure() -> list[Figure]:
    """Return the ratio of the start, and the stages of both sides."""
    with tempfile.TemporaryDirectory() as name:
        return _starts(Path(name))


def service_settings() -> dict[str, str]:
    """Return the variables by which the service's worker differs from Prefect's defaults."""
    service = Service(
        system="linux",
        scope="user",
        pool="",
        worker_name="",
        account="",
        api_url="",
        limit=0,
        drain_seconds=0,
        health_port=0,
        home=PurePosixPath("/"),
        python="",
        requirements=(),
    )
    paths = ("PREFECT_API_URL", "PREFECT_HOME", "PREFECT_WORKER_WEBSERVER")
    return {
        name: value
        for name, value in service.variables.items()
        if name.startswith("PREFECT_") and not name.startswith(paths)
    }


def _starts(folder: Path) -> list[Figure]:
    (folder / "trivial.py").write_text(FLOW.lstrip(), encoding="utf-8")
    seen: dict[str, list[dict[str, float]]] = {side: [] for side in SIDES}
    moments = random.Random(7)  # noqa: S311 - when to create a run
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(prefect_server(folder))
        client = stack.enter_context(SyncPrefectClient(server.url))
        service = service_settings()
        polls = {"defaults": DEFAULT_POLL, "service": float(service["PREFECT_WORKER_QUERY_SECONDS"])}
        for pool, settings in {"defaults": {}, "service": service}.items():
            stack.enter_context(worker(server, pool, folder, settings))
            wait_online(client, pool)
        deployments = {side: deploy(server, client, folder, *words) for side, words in SIDES.items()}
        for number in range(RUNS + 1):
            for side, deployment in deployments.items():
                time.sleep(moments.uniform(0, 0 if QUICK else polls[SIDES[side][0]]))
                stages = _one_run(client, deployment)
                if number:  # the first compiles
                    seen[side].append(stages)
    whole = {side: statistics.mean(sum(stages.values()) for stages in runs) for side, runs in seen.items()}
    return [
        Figure(
            "start of a run: service settings over defaults", whole["service"] / whole["defaults"], "x", 0.5
        ),
        *(
            Figure(f"created to Completed, {side}", whole[side], "s", None, f"mean of {RUNS}")
            for side in SIDES
        ),
        *(
            Figure(f"{stage}, {side}", statistics.mean(stages[stage] for stages in seen[side]), "s")
            for side in SIDES
            for stage in STAGES
        ),
    ]


def deploy(server: Server, client: SyncPrefectClient, folder: Path, pool: str, *options: str) -> UUID:
    """Deploy the trivial flow to a pool and return the deployment's id."""
    words = [str(folder), pool, *options]
    run([sys.executable, "-c", DEPLOY, *words], environment=server.environment, cwd=folder)
    return client.read_deployment_by_name("trivial/" + "-".join([pool, *options])).id


@contextlib.contextmanager
def worker(
    server: Server, pool: str, folder: Path, settings: dict[str, str], *options: str
) -> Iterator[None]:
    """Run a process worker with these settings and no others."""
    command = [*PREFECT, "worker", "start", "--pool", pool, "--type", "process", "--name", pool, *options]
    environment = {**server.environment, **settings}
    with process(command, log=folder / f"{pool}.log", environment=environment, cwd=folder):
        yield


def wait_online(client: SyncPrefectClient, pool: str) -> None:
    """Return once a pool has a worker."""

    def online() -> bool:
        answer = client.request("POST", "/work_pools/filter", json={})
        return any(one["name"] == pool and one["status"] == "READY" for one in answer.json())

    wait_until(online, seconds=90, what=f"the worker of {pool}")


def _one_run(client: SyncPrefectClient, deployment: UUID) -> dict[str, float]:
    created = client.create_flow_run_from_deployment(deployment)

    def ended() -> bool:
        state = client.read_flow_run(created.id).state
        return bool(state and state.is_final())

    wait_until(ended, seconds=120, what="the run's end")
    return read_stages(client, created.id)
