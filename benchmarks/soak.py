"""A soak: many runs on three workers in two pools, killed at random, with one crash of everything in the middle.

    uv run python benchmarks/soak.py --runs 1000 --keep

Workers and runs reach the server through a proxy that cuts connections, some of them after the server has acted.
Says at the end how the runs ended, and exits with 1 unless every run is in a final state, none was executed twice,
every slot is free, none was declared Crashed while it lived, and the log file has the first and last line of
every run that was not killed.
"""

from __future__ import annotations

import argparse
import asyncio
import atexit
import contextlib
import os
import random
import re
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

TEMPLATE = Path(__file__).resolve().parents[1]
PACKAGE = TEMPLATE / "flow_ops" / "src"
sys.path[:0] = [str(TEMPLATE), str(PACKAGE), str(TEMPLATE / "flow_ops" / "tests")]

# First: it isolates this process before anything imports Prefect.
from helpers.session import pytest_unconfigure  # noqa: E402
from tests.conftest import bake_into  # noqa: E402

# isort: split
from httpx import HTTPError  # noqa: E402
from prefect import flow, get_client  # noqa: E402
from prefect.client.schemas.actions import WorkPoolCreate  # noqa: E402
from prefect.client.schemas.filters import (  # noqa: E402
    DeploymentFilter,
    DeploymentFilterId,
)
from prefect.client.schemas.objects import FlowRun, StateType  # noqa: E402
from prefect.settings import PREFECT_API_URL, temporary_settings  # noqa: E402

from benchmarks.harness import Figure, keep, section  # noqa: E402
from flow_ops import watchdog  # noqa: E402
from helpers import postgresql  # noqa: E402
from helpers.support import PREFECT, free_port, prefect_server, process, wait_until  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from prefect.client.orchestration import SyncPrefectClient

    from helpers.support import Server

# Each pool with its workers, and the slots of its deployment.
POOLS = {"soak-a": ("soak-a-1", "soak-a-2"), "soak-b": ("soak-b-1",)}
SLOTS = {"soak-a": 4, "soak-b": 2}
# How likely it is that the proxy cuts a connection, each time that the server answers something on it.
CUT = 0.004
# How likely it is that a running run is killed, each 2 s.
KILLED_PER_LOOK = 0.15
# Prefect refuses longer answers.
PAGE = 200
FLOW = """
import random, time
from prefect import flow
from flow_ops.logs import get_logger

@flow
def soaked(number: int):
    logger = get_logger("soak")
    logger.info("first line of %d", number)
    time.sleep(random.uniform(0.5, 4))
    logger.info("last line of %d", number)
"""
# Real limits are hours; these let a soak end. Their sum, and Prefect's 300 s for Cancelling, is what the last
# run may take to end after the crash.
LIMITS = watchdog.Limits(
    running=timedelta(minutes=5),
    late=timedelta(hours=4),
    pending=timedelta(minutes=3),
    heartbeat=timedelta(seconds=90),
)
PATIENCE = 15 * 60
# How many runs are due at once: each look of a worker reads all that are, and with 1,000 the server did little else.
BACKLOG = 40
# As .env.example has them for the server's machine. Without the first, a run that is starting up while the server
# restarts takes a second slot and gives back one.
SERVER = {
    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
    "PREFECT_SERVER_EVENTS_EXPIRED_BUCKET_BUFFER": "P1D",
}


class Soak:
    """The runs of two deployments, what was done to them, and what they left."""

    def __init__(
        self, client: SyncPrefectClient, folder: Path, repository: Path, seed: int, url: str
    ) -> None:
        """Deploy the flow to each pool, with its slots and its watchdog; the runs reach the server at `url`."""
        self.client = client
        self.logs = folder / "logs"
        self.killed: set[UUID] = set()
        self.created = 0
        self.workers: list[int] = []
        self.random = random.Random(seed)  # noqa: S311
        (folder / "flows.py").write_text(FLOW, encoding="utf-8")
        self.deployments = {pool: self._deploy(pool, folder, repository, url) for pool in POOLS}

    def _deploy(self, pool: str, folder: Path, repository: Path, url: str) -> UUID:
        self.client.create_work_pool(WorkPoolCreate(name=pool, type="process"))
        source: Any = flow.from_source(str(folder), entrypoint="flows.py:soaked")
        deployment: UUID = source.deploy(
            name=pool,
            work_pool_name=pool,
            concurrency_limit=SLOTS[pool],
            job_variables={
                "env": {
                    "PREFECT_API_URL": url,
                    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
                    "PYTHONPATH": str(PACKAGE),
                    "PYTHONDONTWRITEBYTECODE": "1",
                    "FLOW_PROJECT_ROOT": str(repository),
                    "FLOW_LOG_DIR": str(self.logs),
                }
            },
            build=False,
            ignore_warnings=True,
            print_next_steps=False,
        )
        watchdog.apply(self.client, deployment, f"soaked/{pool}", LIMITS)
        return deployment

    def create(self, runs: int) -> None:
        """Create runs up to this number, all due now, by turns in the pools."""
        while self.created < runs:
            self.client.create_flow_run_from_deployment(
                self.deployments[tuple(POOLS)[self.created % len(POOLS)]],
                parameters={"number": self.created},
                name=str(self.created),
                idempotency_key=str(self.created),
            )
            self.created += 1

    def runs(self) -> list[FlowRun]:
        """Return all runs as the server has them."""
        found: list[FlowRun] = []
        of_deployment = DeploymentFilter(id=DeploymentFilterId(any_=[*self.deployments.values()]))
        while page := self.client.read_flow_runs(
            deployment_filter=of_deployment, limit=PAGE, offset=len(found)
        ):
            found += page
        return found

    def ended(self) -> int:
        """Return how many runs are in a final state; the server counts, so that asking costs it little."""
        return self.count(StateType.COMPLETED, StateType.FAILED, StateType.CRASHED, StateType.CANCELLED)

    def count(self, *states: StateType) -> int:
        """Return how many runs are in these states."""
        body = {
            "flow_runs": {"state": {"type": {"any_": [state.value for state in states]}}},
            "deployments": {"id": {"any_": [str(each) for each in self.deployments.values()]}},
        }
        return int(self.client.request("POST", "/flow_runs/count", json=body).json())

    def kill_one(self) -> None:
        """Kill the process of a running run."""
        running = [
            run for run in self.runs() if run.state_type is StateType.RUNNING and run.infrastructure_pid
        ]
        if running:
            self._kill(self.random.choice(running))

    def crash(self, server: int) -> None:
        """End everything at once, as a power cut does: server, workers and the runs' processes."""
        self.killed |= {run.id for run in self.runs() if not _is_final(run) and run.infrastructure_pid}
        # The runs' processes have sessions of their own: a worker's group is not all.
        for pid in (*self.workers, *self.processes(), server):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def processes(self) -> set[int]:
        """Return the processes of the runs, and what stands between them and their workers."""
        return {found for worker in self.workers for found in _descendants(worker)}

    def slots(self) -> int:
        """Return how many slots are taken."""
        limits = [
            self.client.read_deployment(each).global_concurrency_limit for each in self.deployments.values()
        ]
        return sum(limit.active_slots if limit else 1 for limit in limits)

    def written(self) -> Counter[str]:
        """Return how often the log has each line."""
        text = "\n".join(file.read_text(encoding="utf-8") for file in self.logs.glob("*.log*"))
        return Counter(re.findall(r"(?:first|last) line of \d+", text))

    def missing_lines(self) -> list[str]:
        """Return the lines that the log should have and does not."""
        written = self.written()
        return [
            line
            for run in self.runs()
            if run.state_type is StateType.COMPLETED
            for line in (f"first line of {run.name}", f"last line of {run.name}")
            if line not in written
        ]

    def crashed_alive(self) -> list[str]:
        """Return the runs that went on to their last line although they had been declared Crashed."""
        written = self.written()
        return [
            str(run.name)
            for run in self.runs()
            if run.state_type is StateType.CRASHED
            and run.id not in self.killed
            and "no more heartbeats" in ((run.state and run.state.message) or "")
            and f"last line of {run.name}" in written
        ]

    def killed_before_their_first_line(self) -> int:
        """Return how many killed runs wrote nothing."""
        written = self.written()
        return sum(
            run.id in self.killed and f"first line of {run.name}" not in written for run in self.runs()
        )

    def _kill(self, run: FlowRun) -> None:
        with contextlib.suppress(ProcessLookupError, ValueError):
            pid = int(str(run.infrastructure_pid).rpartition(":")[2])
            # A process of another's may have got the number of one that has just ended.
            if pid in self.processes():
                os.kill(pid, signal.SIGKILL)
                self.killed.add(run.id)


def _is_final(run: FlowRun) -> bool:
    return bool(run.state and run.state.is_final())


def _descendants(process_id: int) -> set[int]:
    """Return the processes below this one, as Linux lists them."""
    found: set[int] = set()
    for file in Path(f"/proc/{process_id}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in map(int, file.read_text().split()):
                found |= {child} | _descendants(child)
    return found


@contextlib.contextmanager
def _workers(server: Server, folder: Path, url: str) -> Iterator[list[int]]:
    environment = {**server.environment, "PREFECT_API_URL": url, "PREFECT_WORKER_QUERY_SECONDS": "1"}
    with contextlib.ExitStack() as stack:
        found = []
        for pool, names in POOLS.items():
            for name in names:
                command = [
                    *PREFECT,
                    "worker",
                    "start",
                    "--pool",
                    pool,
                    "--name",
                    name,
                    "--limit",
                    str(SLOTS[pool]),
                ]
                log = folder / f"{name}.log"
                child = process(command, log=log, environment=environment, cwd=folder)
                found.append(stack.enter_context(child).pid)
        yield found


@contextlib.contextmanager
def _cutting_proxy(port: int, seed: int) -> Iterator[tuple[str, list[int]]]:
    """Stand before the server: yield the address to use, and a list with how many connections were cut.

    It hands on bytes, so that websockets pass too. What is cut is the answer: the server has acted by then.
    """
    cuts = [0]
    dice = random.Random(seed)  # noqa: S311

    async def hand_on(source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, cut: bool) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65536):
                if cut and dice.random() < CUT:
                    cuts[0] += 1
                    break
                sink.write(data)
                await sink.drain()
        sink.close()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_connection("127.0.0.1", port)
        except OSError:  # the server is down
            writer.close()
            return
        await asyncio.gather(hand_on(reader, back, cut=False), hand_on(there, writer, cut=True))

    loop = asyncio.new_event_loop()
    own = free_port()
    listening = loop.run_until_complete(asyncio.start_server(connected, "127.0.0.1", own))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{own}/api", cuts
    finally:
        loop.call_soon_threadsafe(listening.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


def soak(folder: Path, runs: int, seed: int) -> list[Figure]:
    """Run the soak in `folder`; return what it found."""
    repository = bake_into(folder)
    os.environ["FLOW_PROJECT_ROOT"] = str(repository)
    port = free_port()
    start = time.monotonic()
    with contextlib.ExitStack() as stack:
        settings = dict(SERVER)
        if not postgresql.missing():
            address = stack.enter_context(postgresql.postgresql())
            settings["PREFECT_SERVER_DATABASE_CONNECTION_URL"] = address
        server = stack.enter_context(prefect_server(folder, port=port, **settings))
        stack.enter_context(temporary_settings({PREFECT_API_URL: server.url}))
        client = stack.enter_context(get_client(sync_client=True))
        url, cuts = stack.enter_context(_cutting_proxy(port, seed))
        soaked = Soak(client, folder, repository, seed, url)
        soaked.workers = stack.enter_context(_workers(server, folder, url))

        def half(done: int) -> bool:
            # With SQLite a busy server answers 503 now and then; the next look will do.
            with contextlib.suppress(HTTPError):
                if soaked.random.random() < KILLED_PER_LOOK:
                    soaked.kill_one()
                ended = soaked.ended()
                soaked.create(min(runs, ended + BACKLOG))
                return ended >= done
            return False

        wait_until(lambda: half(runs // 2), seconds=runs * 60, every=2, what="the first half of the runs")
        print(f"{time.monotonic() - start:.0f} s: {soaked.ended()} ended; the power fails", flush=True)
        soaked.crash(server.process.pid)
        again = stack.enter_context(prefect_server(folder, port=port, **settings))
        soaked.workers = stack.enter_context(_workers(again, folder, url))
        # The last ones may be those that only a rule will end.
        wait_until(
            lambda: half(runs - sum(SLOTS.values())),
            seconds=runs * 60,
            every=2,
            what="the second half of the runs",
        )
        print(f"{time.monotonic() - start:.0f} s: {soaked.ended()} ended; waiting for the rules", flush=True)
        with contextlib.suppress(TimeoutError):
            wait_until(lambda: soaked.ended() == runs, seconds=PATIENCE, every=5, what="the last runs")
        return _figures(soaked, runs, cuts[0], time.monotonic() - start)


def _figures(soaked: Soak, runs: int, cut: int, seconds: float) -> list[Figure]:
    states = Counter(str(run.state_name) for run in soaked.runs())
    ends = ", ".join(f"{count} {name}" for name, count in states.most_common())
    twice = [line for line, count in soaked.written().items() if count > 1]
    missing, alive = soaked.missing_lines(), soaked.crashed_alive()
    limit = f"without a heartbeat for {LIMITS.heartbeat.seconds} s: {alive or 'none'}"
    silent = soaked.killed_before_their_first_line()
    return [
        Figure("soak: runs", runs, "", note=ends),
        Figure("soak: minutes", seconds / 60, "min", note="one crash of everything, in the middle"),
        Figure("soak: runs killed", len(soaked.killed), "", note=f"{silent} before their first line"),
        Figure("soak: connections cut", cut, ""),
        Figure("soak: runs in no final state", runs - soaked.ended(), "", 0),
        Figure("soak: slots taken at the end", soaked.slots(), "", 0),
        Figure("soak: lines written twice", len(twice), "", 0, f"{twice or 'none'}"),
        Figure("soak: lines missing, of completed runs", len(missing), "", 0, f"{missing or 'none'}"),
        Figure("soak: declared Crashed while alive", len(alive), "", 0, limit),
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--keep", action="store_true", help="write what was found to results/soak.json")
    options = parser.parse_args()
    atexit.register(pytest_unconfigure)
    # Ended as with Ctrl-C: server, database and workers end too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="soak-", ignore_cleanup_errors=True) as name:
        found = soak(Path(name), options.runs, options.seed)
    print(section("soak", found))
    if options.keep:
        keep("soak", found)
    sys.exit(int(any(figure.verdict == "missed" for figure in found)))
