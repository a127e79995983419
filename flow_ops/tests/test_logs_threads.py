"""Lines from plain threads, and from Prefect's hooks, belong to the run of their process."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.sorting import FlowRunSort, LogSort

if TYPE_CHECKING:
    from pathlib import Path

    from helpers.support import Server

PROGRAM = """
import asyncio, sys, threading, time
from concurrent.futures import ThreadPoolExecutor
from flow_ops.logs import get_logger
from prefect import flow, task

logger = get_logger("threads")


def work(name):
    logger.info("<%s>", name)


@task
def in_a_pool():
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, ["pool-1", "pool-2"]))


@flow(flow_run_name="the-only-one", on_completion=[lambda flow, run, state: logger.info("<hook>")])
async def alone():
    in_a_pool()
    thread = threading.Thread(target=work, args=["thread"])
    thread.start()
    thread.join()
    await asyncio.get_running_loop().run_in_executor(None, work, "executor")
    await inner()


@flow(flow_run_name="its-subflow")
async def inner():
    thread = threading.Thread(target=work, args=["below-a-subflow"])
    thread.start()
    thread.join()


@flow(flow_run_name="one-of-{number}")
async def several(number):
    await barrier.wait()
    thread = threading.Thread(target=work, args=[f"several-{number}"], name="a-plain-thread")
    thread.start()
    thread.join()
    await barrier.wait()


async def both():
    global barrier
    barrier = asyncio.Barrier(2)
    await asyncio.gather(several(1), several(2))


asyncio.run(alone() if sys.argv[1] == "alone" else both())
"""


@pytest.fixture(scope="module")
def seen(server: Server, repository: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a process with one run and a process with two logged, by the place where it arrived."""
    found: dict[str, Any] = {}
    for scenario in ("alone", "both"):
        folder = tmp_path_factory.mktemp(scenario)
        environment = {
            **server.environment,
            "FLOW_PROJECT_ROOT": str(repository),
            "FLOW_LOG_DIR": str(folder),
            "FLOW_LOG_FORMAT": "json",
            "FLOW_LANGUAGE": "en",
        }
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, scenario],
            env=environment,
            capture_output=True,
            check=False,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        found[scenario] = (folder / "ventas-diarias.log").read_text(encoding="utf-8").splitlines()
    with SyncPrefectClient(server.url) as client:
        names = {run.id: run.name for run in client.read_flow_runs(sort=FlowRunSort.START_TIME_DESC)}
        records = client.read_logs(sort=LogSort.TIMESTAMP_DESC)
        found["ui"] = [(names[log.flow_run_id], log.message) for log in records if log.flow_run_id]
    return found


@pytest.mark.slow
@pytest.mark.e2e
@pytest.mark.parametrize("origin", ["pool-1", "pool-2", "thread", "executor", "below-a-subflow", "hook"])
def test_a_line_of_a_plain_thread_or_a_hook_belongs_to_the_only_run_of_its_process(
    seen: dict[str, Any], origin: str
) -> None:
    assert [name for name, message in seen["ui"] if message == f"<{origin}>"] == ["the-only-one"]
    (line,) = [record for record in map(json.loads, seen["alone"]) if record["message"] == f"<{origin}>"]
    assert line["flow_run_name"] == "the-only-one"


@pytest.mark.slow
@pytest.mark.e2e
def test_of_several_runs_each_is_told_once_that_lines_of_plain_threads_cannot_be_told_apart(
    seen: dict[str, Any],
) -> None:
    assert [name for name, message in seen["ui"] if message.startswith("<several")] == []
    messages = [record["message"] for record in map(json.loads, seen["both"])]
    assert {"<several-1>", "<several-2>"} <= set(messages)
    warned = sorted(name for name, message in seen["ui"] if "FT-LOGS-04" in message)
    assert warned == ["one-of-1", "one-of-2"]
    assert "a-plain-thread" in next(message for message in messages if "FT-LOGS-04" in message)
