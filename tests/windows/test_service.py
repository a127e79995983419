"""The worker as a real service of nssm, on a Windows Python: installed, a run, stopped idle and in the middle of a run."""

from __future__ import annotations

import shutil
import urllib.request
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.workers.process import ProcessWorker

from helpers.support import free_port, prefect_server, wait_until
from tests.windows.helpers import of_windows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from prefect.client.orchestration import SyncPrefectClient

    from tests.windows.helpers import Windows

ROOT = Path(__file__).resolve().parents[2]
NSSM = Path(shutil.which("nssm64.exe") or ROOT / ".tools" / "nssm64.exe")
POOL = "compras-prod"
SERVICE = f"flow-worker-{POOL}"
FLOWS = r"C:\flujos de ñandú"
FLOW = """
import time
from pathlib import Path
from prefect import flow

@flow
def sleeper(until: str) -> None:
    Path(until + "-begun").touch()
    while not Path(until).exists():
        time.sleep(0.2)
"""

pytestmark = [
    pytest.mark.windows,
    pytest.mark.slow,
    pytest.mark.skipif(
        Path(__file__).is_relative_to("/tmp"),  # noqa: S108
        reason="this copy of the repository is below /tmp, where others can write: no service is installed from there",
    ),
    pytest.mark.skipif(not NSSM.exists(), reason="nssm64.exe is missing: see .ci/install-system-packages"),
]


class Machine:
    """A Windows with nssm, the library, and a server that its worker knows."""

    def __init__(self, windows: Windows, client: SyncPrefectClient, url: str) -> None:
        self.windows = windows
        self.client = client
        self.url = url
        self.port = free_port()

    def nssm(self, *words: str) -> str:
        return self.windows.run(r"C:\nssm.exe", *words).stdout.replace("\0", "").strip()

    def flow_ops(self, *words: str) -> tuple[int, str]:
        done = self.windows.python(
            *("-c", "from flow_ops.cli import main; main()", "worker", *words),
            cwd=self.windows.path("C:\\"),
            seconds=900,
            PYTHONPATH=of_windows(ROOT / "flow_ops" / "src"),
            FLOW_LANGUAGE="es",
            PYTHONUTF8="1",
        )
        return done.returncode, done.stdout

    def run(self, until: str) -> UUID:
        deployment = self.client.read_deployment_by_name("sleeper/windows")
        return self.client.create_flow_run_from_deployment(deployment.id, parameters={"until": until}).id

    def state(self, run: UUID) -> str:
        state = self.client.read_flow_run(run).state
        return str(state.name) if state else "none"

    def wait(self, run: UUID, state: str) -> None:
        try:
            wait_until(lambda: self.state(run) == state, seconds=240, what=f"the run {state}")
        except TimeoutError:
            pytest.fail(f"it is {self.state(run)}\n{self.log()[-4000:]}")

    def wait_for_service(self, status: str) -> None:
        try:
            wait_until(lambda: self.nssm("status", SERVICE) == status, seconds=120, what=status, every=2)
        except TimeoutError:
            pytest.fail(f"it is {self.nssm('status', SERVICE)}\n{self.log()[-4000:]}")

    def log(self) -> str:
        file = self.windows.path(rf"C:\ProgramData\flow-workers\{SERVICE}\state\logs\worker.log")
        return file.read_text(encoding="utf-8", errors="replace") if file.exists() else "no output"

    def healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


@pytest.fixture(scope="module")
def machine(own_windows: Windows, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    shutil.copy(NSSM, own_windows.path(r"C:\nssm.exe"))
    flows = own_windows.path(FLOWS)
    flows.mkdir()
    (flows / "flows.py").write_text(FLOW, encoding="utf-8")
    with (
        prefect_server(tmp_path_factory.mktemp("server")) as server,
        temporary_settings({PREFECT_API_URL: server.url}),
        get_client(sync_client=True) as client,
    ):
        template = ProcessWorker.get_default_base_job_template()
        client.create_work_pool(WorkPoolCreate(name=POOL, type="process", base_job_template=template))
        source: Any = flow.from_source(source=str(flows), entrypoint="flows.py:sleeper")
        source.deploy(name="windows", work_pool_name=POOL, build=False, push=False, print_next_steps=False)
        deployment = client.read_deployment_by_name("sleeper/windows")
        steps = [{"prefect.deployments.steps.set_working_directory": {"directory": FLOWS}}]
        client.request(
            "PATCH", "/deployments/{id}", path_params={"id": deployment.id}, json={"pull_steps": steps}
        )
        machine = Machine(own_windows, client, server.url)
        status, said = machine.flow_ops(
            *(
                "install",
                "--pool",
                POOL,
                "--api-url",
                server.url,
                "--nssm",
                r"C:\nssm.exe",
                "--drain-seconds",
                "400",
            ),
            *("--health-port", str(machine.port), "--python", r"C:\Python311\python.exe"),
        )
        assert status == 0, said[-4000:]
        yield machine


def test_it_runs_under_its_own_python_and_says_which(machine: Machine) -> None:
    machine.wait_for_service("SERVICE_RUNNING")
    wait_until(machine.healthy, seconds=240, what="the worker's health check")
    status, said = machine.flow_ops("status", "--pool", POOL, "--nssm", r"C:\nssm.exe")
    assert (status, "/health: OK" in said, r"C:\Python311\python.exe" in said) == (0, True, True), said


def test_it_stops_idle_and_starts_again(machine: Machine) -> None:
    machine.nssm("stop", SERVICE)
    machine.wait_for_service("SERVICE_STOPPED")
    assert "worker service: stopped" in machine.log()
    machine.nssm("start", SERVICE)
    wait_until(machine.healthy, seconds=240, what="the worker's health check")


def test_a_stop_during_a_run_waits_for_its_end(machine: Machine) -> None:
    run = machine.run(r"C:\done")
    machine.wait(run, "Running")
    wait_until(machine.windows.path(r"C:\done-begun").exists, seconds=60, what="the flow's first line")
    stop = Thread(target=machine.nssm, args=("stop", SERVICE))  # nssm waits for the end of what it stops
    stop.start()
    wait_until(lambda: "in progress, with 400 s to end: 1" in machine.log(), seconds=60, what="the drain")
    assert machine.state(run) == "Running"
    machine.windows.path(r"C:\done").touch()
    machine.wait(run, "Completed")
    stop.join(120)
    machine.wait_for_service("SERVICE_STOPPED")
    assert "Traceback" not in machine.log()


def test_it_takes_runs_again_and_leaves_nothing(machine: Machine) -> None:
    machine.nssm("start", SERVICE)
    machine.wait(machine.run(r"C:\done"), "Completed")
    machine.nssm("stop", SERVICE)  # `uninstall` stops it with PowerShell, which Wine lacks
    machine.wait_for_service("SERVICE_STOPPED")
    status, said = machine.flow_ops("uninstall", "--pool", POOL, "--nssm", r"C:\nssm.exe")
    assert status == 0, said
    assert not machine.windows.path(rf"C:\ProgramData\flow-workers\{SERVICE}").exists()
    assert "SERVICE" not in machine.nssm("status", SERVICE)
