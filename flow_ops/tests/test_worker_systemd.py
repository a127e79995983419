"""The service installed for real, under a systemd of its own: accounts, credentials, what flows reach, drain, garbage."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.workers.process import ProcessWorker

from helpers import systemd
from helpers.support import Server, free_port, wait_until
from helpers.workshop import PASSWORD, pointing_at, secured_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from prefect.client.orchestration import SyncPrefectClient

pytestmark = [
    pytest.mark.environment,
    pytest.mark.slow,
    pytest.mark.skipif(bool(systemd.why_not()), reason=systemd.why_not() or "-"),
]

POOLS = ("compras-dev", "compras-prod")
FLOW = """
import json, os, shutil, socket, subprocess, sys, tempfile, time
from pathlib import Path
from prefect import flow

def outcome(do):
    try:
        return str(do())
    except OSError as problem:
        return type(problem).__name__

@flow
def probe(name: str, other: str) -> None:
    mine, theirs = (Path("/var/lib/flow-workers", f"flow-worker-{pool}") for pool in (name, other))
    said = {
        "account": os.getuid(),
        "home": outcome(lambda: Path.home().joinpath("kept.txt").write_text("x")),
        "temporary": outcome(lambda: Path(tempfile.mkdtemp()).is_dir()),
        "network": outcome(lambda: bool(socket.getaddrinfo("localhost", 80))),
        "git": outcome(lambda: subprocess.run(["git", "--version"], capture_output=True).returncode),
        "uv": outcome(lambda: subprocess.run(["uv", "python", "find", "--system"], capture_output=True, text=True).stdout.strip()),
        "processors": os.cpu_count(),
        "password": os.environ.get("PREFECT_API_AUTH_STRING"),
        "my credentials": outcome((mine / "credentials.env").read_text),
        "change my credentials": outcome(lambda: (mine / "credentials.env").open("a")),
        "change the copy": outcome(lambda: Path(os.environ["CREDENTIALS_DIRECTORY"], "credentials.env").open("a")),
        "their credentials": outcome((theirs / "credentials.env").read_text),
        "their state": outcome(lambda: list((theirs / "state").iterdir())),
        "change the program": outcome(lambda: (mine / "worker_drain.py").open("a")),
        "change the environment": outcome(lambda: (mine / "environment" / "x").touch()),
        "root's folder": outcome(lambda: list(Path("/root").iterdir())),
        "people's folders": outcome(lambda: list(Path("/home").iterdir())),
    }
    Path.home().joinpath("probe.json").write_text(json.dumps(said))

@flow
def sleeper(until: str) -> None:
    while not Path(until).exists():
        time.sleep(0.2)

@flow
def vandal(name: str) -> None:
    state = Path("/var/lib/flow-workers", f"flow-worker-{name}", "state")
    shutil.rmtree(state / "runs")
    (state / "runs").write_text("not a folder")
    (state / "prefect.toml").write_text("[[[")
    (state / ".env").write_text("PREFECT_API_URL=http://127.0.0.1:9/api")
    shutil.rmtree(state / "prefect", ignore_errors=True)
    (state / "prefect").write_text("")
    shutil.rmtree(state / "logs", ignore_errors=True)
    os.mkfifo(state / "logs")
    shutil.rmtree(Path.home(), ignore_errors=True)
    Path.home().symlink_to("/nowhere")
    state.chmod(0o000)
"""


class World:
    """A server with two pools, the machine with their two workers, and how to use them."""

    def __init__(self, machine: systemd.Machine, server: Server, client: SyncPrefectClient) -> None:
        self.machine = machine
        self.client = client
        self.url = server.url

    def run(self, name: str, pool: str, /, **parameters: str) -> UUID:
        deployment = self.client.read_deployment_by_name(f"{name}/{pool}")
        return self.client.create_flow_run_from_deployment(deployment.id, parameters=parameters).id

    def state(self, run: UUID) -> str:
        state = self.client.read_flow_run(run).state
        return str(state.name) if state else "none"

    def wait(self, run: UUID, *states: str) -> None:
        try:
            wait_until(lambda: self.state(run) in states, seconds=90, what="the run")
        except TimeoutError:
            journal = self.machine.run("journalctl", "--no-pager", "-o", "cat", "-n", "60").stdout
            pytest.fail(f"it is {self.state(run)}\n{journal}")

    def flow_ops(self, *words: str) -> str:
        program = Path(sys.executable).with_name("flow-ops")
        # An administrator's PATH: what is installed for the whole machine.
        path = "/srv/share/bin:/usr/local/bin:/usr/bin:/bin"
        done = self.machine.run(
            str(program), "worker", *words, PATH=path, FLOW_LANGUAGE="en", PREFECT_HOME="/run/prefect"
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def active(self, pool: str) -> str:
        return self.machine.run("systemctl", "is-active", f"flow-worker-{pool}").stdout.strip()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("systemd")
    # /tmp is the machine's own there.
    with (
        systemd.booted(folder) as machine,
        secured_server(folder) as (server, _),
        pointing_at(server.url),
        get_client(sync_client=True) as client,
    ):
        (machine.share / "flows.py").write_text(FLOW, encoding="utf-8")
        machine.share.chmod(0o755)
        (machine.share / "bin").mkdir()
        shutil.copy(shutil.which("uv") or "", machine.share / "bin")
        world = World(machine, server, client)
        (machine.share / "credentials.env").write_text(
            f"PREFECT_API_AUTH_STRING={PASSWORD}\n", encoding="utf-8"
        )
        (machine.share / "credentials.env").chmod(0o600)
        for pool in POOLS:
            template = ProcessWorker.get_default_base_job_template()
            client.create_work_pool(WorkPoolCreate(name=pool, type="process", base_job_template=template))
            for name in ("probe", "sleeper", "vandal"):
                source: Any = flow.from_source(source=str(machine.share), entrypoint=f"flows.py:{name}")
                source.deploy(name=pool, work_pool_name=pool, build=False, push=False, print_next_steps=False)
                deployment = client.read_deployment_by_name(f"{name}/{pool}")
                steps = [{"prefect.deployments.steps.set_working_directory": {"directory": "/srv/share"}}]
                client.request(
                    "PATCH",
                    "/deployments/{id}",
                    path_params={"id": deployment.id},
                    json={"pull_steps": steps},
                )
            world.flow_ops(
                *("install", "--pool", pool, "--api-url", server.url, "--drain-seconds", "40"),
                *("--health-port", str(free_port()), "--credentials", "/srv/share/credentials.env"),
            )
        yield world


def test_each_pool_has_an_account_that_reaches_what_a_flow_needs_and_nothing_of_another_pool(
    world: World,
) -> None:
    seen: dict[str, dict[str, Any]] = {}
    for mine, other in (POOLS, POOLS[::-1]):
        world.wait(world.run("probe", mine, name=mine, other=other), "Completed")
        file = f"/var/lib/private/flow-workers/flow-worker-{mine}/state/home/probe.json"
        seen[mine] = json.loads(world.machine.run("cat", file).stdout)
    accounts = [said.pop("account") for said in seen.values()]
    assert len({0, *accounts}) == 3
    for said in seen.values():
        assert Path(said.pop("uv")).name.startswith("python")
        assert said.pop("processors") == os.cpu_count()
        refused = {
            name: said.pop(name)
            for name in list(said)
            if "my" in name or "their" in name or "change" in name or "'s" in name
        }
        assert set(refused.values()) <= {"PermissionError", "OSError", "FileNotFoundError"}, refused
        assert said == {
            "home": "1",
            "temporary": "True",
            "network": "True",
            "git": "0",
            "password": PASSWORD,
        }


def test_a_stop_drains_and_a_start_takes_runs_again(world: World) -> None:
    run = world.run("sleeper", POOLS[0], until="/srv/share/done")
    world.wait(run, "Running")
    world.machine.run("systemctl", "stop", "--no-block", f"flow-worker-{POOLS[0]}")
    wait_until(lambda: world.active(POOLS[0]) == "deactivating", seconds=10, what="the stop")
    (world.machine.share / "done").touch()
    world.wait(run, "Completed")
    wait_until(lambda: world.active(POOLS[0]) == "inactive", seconds=60, what="the end")
    world.machine.run("systemctl", "start", f"flow-worker-{POOLS[0]}")
    world.wait(world.run("sleeper", POOLS[0], until="/srv/share/done"), "Completed")
    assert "/health: OK" in world.flow_ops("status", "--pool", POOLS[0])


def test_a_flow_that_spoils_the_state_folder_stops_neither_this_worker_nor_the_next_start(
    world: World,
) -> None:
    world.wait(world.run("vandal", POOLS[1], name=POOLS[1]), "Completed", "Failed", "Crashed")
    world.wait(world.run("probe", POOLS[1], name=POOLS[1], other=POOLS[0]), "Completed", "Failed", "Crashed")
    world.machine.run("systemctl", "restart", f"flow-worker-{POOLS[1]}")
    world.wait(world.run("probe", POOLS[1], name=POOLS[1], other=POOLS[0]), "Completed")
    journal = world.machine.run(
        "journalctl", "--no-pager", "-o", "cat", "-u", f"flow-worker-{POOLS[1]}"
    ).stdout
    assert "was set aside" in journal


def test_removing_it_leaves_nothing(world: World) -> None:
    for pool in POOLS:
        world.flow_ops("uninstall", "--pool", pool)
    left = world.machine.run(
        "sh", "-c", "ls /var/lib/flow-workers /var/lib/private/flow-workers /etc/systemd/system"
    )
    assert "flow-worker-" not in left.stdout
