"""The process of a worker's service, started with the unit's own command line against a real server."""

from __future__ import annotations

import contextlib
import signal
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.workers.process import ProcessWorker

from helpers.service_process import kill_tree, service, started
from helpers.support import Server, prefect_server, process, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from prefect.client.orchestration import SyncPrefectClient

POOL = "compras-dev"
FLOW = """
import time
from pathlib import Path
from prefect import flow

def mark(flow, flow_run, state):
    Path(flow_run.parameters["until"] + "-cancelled").touch()

@flow(on_cancellation=[mark])
def sleeper(until: str) -> None:
    while not Path(until).exists():
        print("asleep", flush=True)
        time.sleep(0.2)
"""


class World:
    """A server with a pool and a deployment, and how to use them."""

    def __init__(self, server: Server, client: SyncPrefectClient, deployment: UUID) -> None:
        self.server = server
        self.client = client
        self.deployment = deployment

    def run(self, until: Path) -> UUID:
        """Order a run that ends when the file `until` exists."""
        return self.client.create_flow_run_from_deployment(
            self.deployment, parameters={"until": str(until)}
        ).id

    def state(self, run: UUID) -> str:
        state = self.client.read_flow_run(run).state
        return str(state.name) if state else "none"

    def wait(self, run: UUID, *states: str, seconds: float = 120) -> None:
        try:
            wait_until(lambda: self.state(run) in states, seconds=seconds, what=f"run in {states}")
        except TimeoutError as late:
            raise AssertionError(f"{late}; it is {self.state(run)}") from None


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("world")
    (folder / "sleeper.py").write_text(FLOW, encoding="utf-8")
    with (
        prefect_server(folder) as server,
        temporary_settings({PREFECT_API_URL: server.url}),
        get_client(sync_client=True) as client,
    ):
        template = ProcessWorker.get_default_base_job_template()
        client.create_work_pool(WorkPoolCreate(name=POOL, type="process", base_job_template=template))
        source: Any = flow.from_source(source=str(folder), entrypoint="sleeper.py:sleeper")
        deployment = source.deploy(
            name="sleeper-dev", work_pool_name=POOL, build=False, push=False, print_next_steps=False
        )
        yield World(server, client, deployment)


@pytest.mark.slow
@pytest.mark.e2e
def test_a_stopped_worker_lets_short_runs_complete_cancels_long_ones_and_takes_no_more(
    world: World, tmp_path: Path
) -> None:
    with started(service(tmp_path, world.server.url, drain_seconds=20)) as worker:
        short, long = world.run(tmp_path / "short"), world.run(tmp_path / "long")
        world.wait(short, "Running")
        world.wait(long, "Running")
        worker.send_signal(signal.SIGTERM)
        time.sleep(1)
        late = world.run(tmp_path)
        worker.send_signal(signal.SIGTERM)  # a second one changes nothing
        (tmp_path / "short").touch()
        world.wait(short, "Completed")
        assert world.state(long) == "Running"
        assert worker.wait(150) == 0
        assert world.state(long) == "Cancelled"
        assert (tmp_path / "long-cancelled").exists(), "the flow's own hook did not run"
        assert world.state(late) in ("Scheduled", "Late")
        assert list((tmp_path / "state" / "runs").iterdir()) == []
    world.client.delete_flow_run(late)


@pytest.mark.slow
@pytest.mark.e2e
def test_a_run_cut_off_with_its_worker_is_crashed_when_the_service_starts_again(
    world: World, tmp_path: Path
) -> None:
    described = service(tmp_path, world.server.url)
    with started(described) as worker:
        run = world.run(tmp_path / "never")
        world.wait(run, "Running")
        kill_tree(worker.pid)
        worker.wait(10)
    assert world.state(run) == "Running"
    with started(described):
        world.wait(run, "Crashed")
        runs = tmp_path / "state" / "runs"
        wait_until(lambda: not any(runs.iterdir()), seconds=20, what="the run's record gone")


@pytest.mark.slow
@pytest.mark.e2e
def test_a_worker_goes_on_after_its_server_was_away_and_does_not_make_a_missing_pool(
    tmp_path: Path, world: World
) -> None:
    (tmp_path / "typo").mkdir()
    typo = service(tmp_path / "typo", world.server.url, pool="compras-dve")
    with started(service(tmp_path, world.server.url)) as worker, started(typo):
        world.server.process.send_signal(signal.SIGTERM)
        world.server.process.wait(30)
        time.sleep(5)
        restarted = process(
            list(world.server.process.args),  # type: ignore[arg-type]
            log=tmp_path / "server-again.log",
            environment={**world.server.environment, "PREFECT_SERVER_ANALYTICS_ENABLED": "false"},
            cwd=tmp_path,
        )
        with restarted:
            wait_until(lambda: answers(world.server.url), seconds=60, what="the server, started again")
            run = world.run(tmp_path)
            world.wait(run, "Completed")
            assert worker.poll() is None
            with pytest.raises(ObjectNotFound):
                world.client.read_work_pool("compras-dve")


def answers(url: str) -> bool:
    with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/health", timeout=1):
        return True
    return False
