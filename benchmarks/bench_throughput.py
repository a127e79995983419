"""How much goes through: tasks per second, runs per minute of one worker, log lines per second.

Each against one real server on SQLite. Tasks do nothing, runs do nothing, lines are as long as lines are: these
are the ceilings that Prefect and the machine set, and what they leave for the work itself.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from prefect.client.orchestration import SyncPrefectClient

from benchmarks.bench_start_of_run import FLOW, deploy, service_settings, wait_online, worker
from benchmarks.harness import QUICK, Figure
from benchmarks.repository import generate
from helpers.support import prefect_server, wait_until

if TYPE_CHECKING:
    from helpers.support import Server

TASKS = 50 if QUICK else 1000
# A process for each task: a thousand would take minutes.
TASKS_IN_PROCESSES = TASKS // 5
RUNS = 3 if QUICK else 40
# Runs at a time: a run's process needs most of a core while it starts.
LIMIT = 4
LINES = 500 if QUICK else 20_000
MAPPED = """
import sys, time
from flow_ops.task_runners import task_runner
from prefect import flow, task
@task
def nothing(number: int) -> int:
    return number
@flow(task_runner=task_runner())
def mapped(number: int) -> float:
    nothing.map(range(4)).result()  # the runner has started
    start = time.perf_counter()
    nothing.map(range(number)).result()
    return time.perf_counter() - start
if __name__ == "__main__":
    print("seconds", mapped(int(sys.argv[1])))
"""
# Sent in batches by a thread: stored when the server shows the last one.
LOGGED = """
import sys, time
from flow_ops.logs import get_logger
from prefect import flow, get_client
from prefect.runtime import flow_run
logger = get_logger("throughput")
@flow
def logged(number: int) -> tuple[str, float, float]:
    start = time.perf_counter()
    for line in range(number):
        logger.info("line %d of %d, as long as lines are: 123 orders of branch Centro", line, number)
    return flow_run.id, start, time.perf_counter() - start
if __name__ == "__main__":
    number = int(sys.argv[1])
    run, start, written = logged(number)
    wanted = {"logs": {"flow_run_id": {"any_": [run]}}, "limit": 1, "offset": number - 1}
    with get_client(sync_client=True) as client:
        while not client.request("POST", "/logs/filter", json=wanted).json():
            time.sleep(0.2)
    print("seconds", written, time.perf_counter() - start)
"""


def measure() -> list[Figure]:
    """Return tasks per second by task runner, runs per minute, and log lines per second."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        repository = generate(folder)
        with prefect_server(folder) as server:
            environment = {
                **server.environment,
                "PYTHONPATH": str(repository / "src"),
                "FLOW_PROJECT_ROOT": str(repository),
                "FLOW_LOG_DIR": str(folder / "logs"),
            }
            return [
                *_tasks(folder, environment),
                *_lines(folder, environment),
                *_runs(server, folder),
            ]


def _tasks(folder: Path, environment: dict[str, str]) -> list[Figure]:
    script = folder / "mapped.py"
    script.write_text(MAPPED.lstrip(), encoding="utf-8")
    runners = ["threads", "processes"]
    runners += [kind for kind in ("dask", "ray") if importlib.util.find_spec(f"prefect_{kind}")]
    figures = []
    for runner in runners:
        number = TASKS_IN_PROCESSES if runner == "processes" else TASKS
        # Short: Ray puts sockets there, whose addresses have a limit.
        with tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as ray:
            chosen = {"FLOW_TASK_RUNNER": runner, "RAY_TMPDIR": ray}
            (seconds,) = _seconds(script, number, environment | chosen)
        note = f"{number} tasks of one .map(), from the call to the last result"
        figures.append(Figure(f"tasks per second, {runner}", number / seconds, "/s", None, note))
    return figures


def _lines(folder: Path, environment: dict[str, str]) -> list[Figure]:
    script = folder / "logged.py"
    script.write_text(LOGGED.lstrip(), encoding="utf-8")
    written, sent = _seconds(script, LINES, environment)
    return [
        Figure(
            "log lines per second, written", LINES / written, "/s", None, "terminal, file, queue of the UI"
        ),
        Figure(
            "log lines per second, stored by the server", LINES / sent, "/s", None, "until all are in the UI"
        ),
    ]


def _seconds(script: Path, number: int, environment: dict[str, str]) -> list[float]:
    answer = subprocess.run(
        [sys.executable, script, str(number)],
        env=environment,
        cwd=script.parent,
        check=False,
        capture_output=True,
        encoding="utf-8",
    )
    if answer.returncode:
        raise RuntimeError(f"{script.name} ended with {answer.returncode}:\n{answer.stderr[-2000:]}")
    said = next(line for line in answer.stdout.splitlines() if line.startswith("seconds "))
    return [float(word) for word in said.split()[1:]]


def _runs(server: Server, folder: Path) -> list[Figure]:
    pool = "throughput"
    (folder / "trivial.py").write_text(FLOW.lstrip(), encoding="utf-8")
    with contextlib.ExitStack() as stack:
        client = stack.enter_context(SyncPrefectClient(server.url))
        stack.enter_context(worker(server, pool, folder, service_settings(), "--limit", str(LIMIT)))
        wait_online(client, pool)
        deployment = deploy(server, client, folder, pool)

        def done(runs: int) -> float:
            start = time.perf_counter()
            expected = completed() + runs
            for _ in range(runs):
                client.create_flow_run_from_deployment(deployment)
            wait_until(lambda: completed() >= expected, seconds=600, what=f"{runs} runs")
            return time.perf_counter() - start

        def completed() -> int:
            body = {
                "flow_runs": {
                    "state": {"type": {"any_": ["COMPLETED"]}},
                    "deployment_id": {"any_": [str(deployment)]},
                }
            }
            return int(client.request("POST", "/flow_runs/count", json=body).json())

        done(1)
        seconds = done(RUNS)
    note = f"{RUNS} runs, {LIMIT} at a time, {os.cpu_count()} cores"
    return [Figure("runs per minute of one worker", 60 * RUNS / seconds, "/min", None, note)]
