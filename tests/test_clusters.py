"""The recipe of parallel tasks at work: in processes, on Dask with a worker killed, on a local Ray."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import urllib.request
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from helpers.support import CACHE, Server, bring_bytecode, free_port, prefect_worker, process, wait_until
from tests.conftest import bake_into

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [pytest.mark.e2e, pytest.mark.environment, pytest.mark.slow]

RECIPE = Path(__file__).resolve().parents[1] / "docs" / "recipes" / "parallel_tasks.py"
BRANCHES = [f"branch-{number:02}" for number in range(8)]
UNITS = {branch: number for number, branch in enumerate(BRANCHES)}
# The flow of the repository: the recipe's work in two subflows at a time, which must not disturb each other.
FLOW = f"""\
import asyncio
import json

from flow_ops.logs import get_logger
from flow_ops.task_runners import task_runner
from prefect import flow

from ventas_diarias.parallel_tasks import add_up_in_tasks

HALVES = {BRANCHES[::2]}, {BRANCHES[1::2]}


@flow(name="ventas-diarias", timeout_seconds=600)
async def ventas_diarias() -> None:
    add_up = add_up_in_tasks.with_options(task_runner=task_runner())
    units = await asyncio.gather(*[asyncio.to_thread(add_up, half, 0.5) for half in HALVES])
    get_logger("flow").info("result %s", json.dumps({{**units[0], **units[1]}}))
"""
LINE = re.compile(r"process (\d+) adds up (branch-\d\d)")
RESULT = re.compile(r"result (\{.*\})")


@dataclass(frozen=True)
class Run:
    """What one run left: the command, its result, process and branch of each task's lines."""

    command: subprocess.Popen[str]
    output: str
    units: dict[str, int]
    in_file: list[tuple[str, str]]
    in_ui: list[tuple[str, str]]

    @property
    def processes(self) -> set[str]:
        """The processes in which tasks ran."""
        return {number for number, _ in self.in_file}


@dataclass(frozen=True)
class Place:
    """A generated repository with an environment of its own, a server, and what the runs leave."""

    root: Path
    server: Server
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """What a person has who works in the repository, and the Dask workers on the same machine."""
        hidden = ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "FLOW_")
        kept = {name: value for name, value in self.server.environment.items() if not name.startswith(hidden)}
        return {**kept, **self.variables, "FLOW_LANGUAGE": "en"}

    @property
    def variables(self) -> dict[str, str]:
        """What the runs need."""
        return {"FLOW_LOG_DIR": str(self.folder / "logs")}

    def start(self, *command: str, **more: str) -> subprocess.Popen[str]:
        """Start a command of uv's in the repository."""
        return subprocess.Popen(
            [shutil.which("uv") or "uv", *command],
            cwd=self.root,
            env=self.environment | more,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )

    def finish(self, *command: str) -> str:
        """Run a command that must succeed and return its output."""
        started = self.start(*command)
        output, _ = started.communicate(timeout=300)
        assert started.returncode == 0, output
        return output

    def run(self, *command: str, meanwhile: Callable[[], None] = lambda: None, **more: str) -> Run:
        """Run the flow with a command; return what this run added."""
        before, ui = len(self.log()), len(self.in_ui())
        started = self.start("run", "--no-sync", *command, **more)
        meanwhile()
        output, _ = started.communicate(timeout=300)
        # Where all is well each of them has a line. Prefect sends them from the worker every two seconds.
        if started.returncode == 0:
            wait_until(
                lambda: len(self.in_ui()) - ui >= len(BRANCHES), seconds=30, what="the lines in the UI"
            )
        log = self.log()[before:]
        results = RESULT.findall(log)
        units = json.loads(results[-1]) if results else {}
        return Run(started, output, units, LINE.findall(log), self.in_ui()[ui:])

    def log(self) -> str:
        """Return the rotating file."""
        file = self.folder / "logs" / "ventas-diarias.log"
        return file.read_text(encoding="utf-8") if file.exists() else ""

    def in_ui(self) -> list[tuple[str, str]]:
        """Return process and branch of the tasks' lines that the server shows under a task run."""
        found: list[dict[str, Any]] = []
        while page := self.ask("logs/filter", limit=200, offset=len(found), sort="TIMESTAMP_ASC"):
            found += page
        return [pair for log in found if log["task_run_id"] for pair in LINE.findall(log["message"])]

    def ask(self, path: str, **body: Any) -> Any:
        """Return what the server answers."""
        kind = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.server.url}/{path}", json.dumps(body).encode(), kind)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)


@pytest.fixture(scope="module")
def place(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A repository whose flow uses the recipe, with the dependency added by the documented command."""
    folder = tmp_path_factory.mktemp("clusters")
    root = bake_into(folder, code_source="local")
    package = root / "src" / "ventas_diarias"
    shutil.copy(RECIPE, package)
    (package / "flow.py").write_text(FLOW, encoding="utf-8")
    made = Place(root, server, folder)
    made.finish("add", "--quiet", "prefect-dask")
    bring_bytecode(root)
    return made


@pytest.fixture(scope="module")
def threads(place: Place) -> Run:
    """The flow as it is without a cluster."""
    return place.run("ventas-diarias")


@pytest.fixture(scope="module")
def processes(place: Place) -> Run:
    """Run the flow with its tasks in processes of this machine."""
    return place.run("ventas-diarias", FLOW_TASK_RUNNER="processes:2")


@pytest.fixture(scope="module")
def dask(place: Place) -> dict[str, Run]:
    """Run the deployed flow on a cluster, and once more with one of the cluster's workers killed."""
    scheduler = f"tcp://127.0.0.1:{free_port()}"
    pins = place.root / "deploy.py"
    text = re.sub(r"FolderSource\([^)]*\)", f'FolderSource("{place.root}")', pins.read_text(encoding="utf-8"))
    environment = f'work_pool="pool-dev", task_runner="dask:{scheduler}", env={place.variables}'
    assert text.count('work_pool="pool-dev"') == 1
    pins.write_text(text.replace('work_pool="pool-dev"', environment), encoding="utf-8")

    with ExitStack() as stack:

        def start(*arguments: str) -> subprocess.Popen[bytes]:
            command = [str(place.root / ".venv" / "bin" / "dask"), *arguments, "--host", "127.0.0.1"]
            log = place.folder / "dask.log"
            running = process(command, log=log, environment=place.environment, cwd=place.folder)
            return stack.enter_context(running)

        start("scheduler", "--port", scheduler.rpartition(":")[2], "--no-dashboard")
        # Without a nanny: what is killed stays dead.
        first, _ = (
            start("worker", scheduler, "--nthreads", "1", "--no-nanny", "--no-dashboard") for _ in "12"
        )
        if not place.ask("work_pools/filter", work_pools={"name": {"any_": ["pool-dev"]}}):
            place.ask("work_pools/", name="pool-dev", type="process")
        stack.enter_context(
            prefect_worker(place.server, "pool-dev", place.folder, PYTHONDONTWRITEBYTECODE="")
        )
        place.finish("run", "--no-sync", "deploy.py", "apply", "dev")
        together = place.run("deploy.py", "run", "dev")

        def kill() -> None:
            before = len(place.log())
            begun = lambda: str(first.pid) in dict(LINE.findall(place.log()[before:]))  # noqa: E731
            wait_until(begun, seconds=120, what="a task on the worker to be killed", every=0.05)
            first.kill()

        killed = place.run("deploy.py", "run", "dev", meanwhile=kill)
    return {"whole": together, "killed": killed}


@pytest.fixture(scope="module")
def ray(place: Place) -> Run:
    """Run the flow on a Ray of this machine alone."""
    added = place.start("add", "--quiet", "prefect-ray")
    output, _ = added.communicate(timeout=300)
    if added.returncode:
        pytest.skip(f"prefect-ray does not install here: {output[-500:]}")
    # In the session's own folder: Ray puts sockets there, whose addresses may have 107 characters.
    folder = Path(os.environ[CACHE]).with_name("r")
    folder.mkdir()
    return place.run("ventas-diarias", FLOW_TASK_RUNNER="ray", RAY_TMPDIR=str(folder))


def test_the_flow_gives_its_result_in_threads_of_its_own_process(threads: Run) -> None:
    assert threads.command.returncode == 0, threads.output
    assert threads.units == UNITS
    assert len(threads.processes) == 1


def test_the_flow_gives_the_same_result_in_processes_with_its_lines_in_ui_and_file(
    threads: Run, processes: Run
) -> None:
    assert processes.command.returncode == 0, processes.output
    assert processes.units == threads.units
    assert sorted(branch for _, branch in processes.in_file) == BRANCHES
    assert sorted(processes.in_ui) == sorted(processes.in_file)
    assert len(processes.processes) > 1
    assert threads.processes.isdisjoint(processes.processes)


def test_the_flow_gives_the_same_result_on_dask_as_on_threads(threads: Run, dask: dict[str, Run]) -> None:
    assert dask["whole"].command.returncode == 0, dask["whole"].output
    assert dask["whole"].units == threads.units


def test_the_tasks_ran_on_both_workers_of_the_dask_cluster(dask: dict[str, Run]) -> None:
    assert len(dask["whole"].processes) == 2


def test_the_lines_of_tasks_on_dask_are_in_the_ui_and_in_the_rotating_file_once(dask: dict[str, Run]) -> None:
    assert sorted(branch for _, branch in dask["whole"].in_file) == BRANCHES
    assert sorted(dask["whole"].in_ui) == sorted(dask["whole"].in_file)


def test_a_killed_worker_of_the_dask_cluster_does_not_lose_the_run(
    threads: Run, dask: dict[str, Run]
) -> None:
    killed = dask["killed"]
    assert killed.command.returncode == 0, killed.output
    assert killed.output.rstrip().endswith("Completed")
    assert killed.units == threads.units
    # It was in the middle of its work: another process did again what it had begun.
    assert len(killed.in_file) > len(BRANCHES)


def test_the_flow_gives_the_same_result_on_ray_with_its_lines_in_ui_and_file(threads: Run, ray: Run) -> None:
    assert ray.command.returncode == 0, ray.output
    assert ray.units == threads.units
    assert sorted(branch for _, branch in ray.in_file) == BRANCHES
    assert sorted(ray.in_ui) == sorted(ray.in_file)
    # Not in the flow's own process.
    assert str(ray.command.pid) not in ray.processes
    assert threads.processes.isdisjoint(ray.processes)
