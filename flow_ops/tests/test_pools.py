"""Pools of containers, with the base job templates that Prefect has for them.

No container is started, as there is neither Docker nor a cluster: the job is the one that the code of the
pool's workers makes, and its command runs as a process where the Dockerfile's own steps were done.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from prefect.client.schemas.actions import DeploymentUpdate, WorkPoolCreate
from prefect.states import Pending
from tests.conftest import TEMPLATE

from flow_ops.deployment import Deployments, Environment, FolderSource
from helpers.workshop import FULL_NAME, PACKAGE, PASSWORD, Workshop, deploy, snapshot, with_prod

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.e2e

IMAGE = "registry.example.com:5000/team/pedidos-web:1.4.0"
VARIABLES: dict[str, dict[str, Any]] = {
    "docker": {"mem_limit": "512m", "networks": ["flows"], "auto_remove": True},
    "kubernetes": {"namespace": "flows", "cpu_limit": "500m", "memory_limit": "512Mi"},
}


@pytest.fixture(scope="module")
def templates(workshop: Workshop) -> dict[str, dict[str, Any]]:
    """The base job templates of the server's own list of workers, which needs no package and no internet."""
    listed = workshop.client.read_worker_metadata()
    kinds = {name: worker for package in listed.values() for name, worker in package.items()}
    return {kind: kinds[kind]["default_base_job_configuration"] for kind in VARIABLES}


@pytest.fixture(params=VARIABLES)
def kind(request: pytest.FixtureRequest, workshop: Workshop, templates: dict[str, Any]) -> Iterator[str]:
    """A type of pool; the pool is `<type>-prod`."""
    name = str(request.param)
    pool = WorkPoolCreate(name=f"{name}-prod", type=name, base_job_template=templates[name])
    workshop.client.create_work_pool(pool)
    yield name
    workshop.client.delete_work_pool(f"{name}-prod")


def on(kind: str, pins: Deployments, **changes: Any) -> Deployments:
    """Return the pins with `prod` on the pool of that type."""
    wanted = {"work_pool": f"{kind}-prod", "image": IMAGE, "job_variables": VARIABLES[kind], **changes}
    return with_prod(pins, **wanted)


def test_what_is_applied_is_image_and_job_variables_as_the_file_says(workshop: Workshop, kind: str) -> None:
    pins = on(kind, workshop.pins, env={"REGION": "sur"}, schedule=None)
    assert deploy(pins, "plan", "prod") == 2
    assert deploy(pins, "apply", "prod") == 0
    found = workshop.client.read_deployment_by_name(FULL_NAME).job_variables
    assert {name: value for name, value in found.items() if name != "env"} == {
        "image": IMAGE,
        **VARIABLES[kind],
    }
    assert found["env"]["REGION"] == "sur"
    assert found["env"]["PREFECT_RUNNER_AUTO_INSTALL_DEPENDENCIES"] == "true"
    before = snapshot(workshop.client)
    assert deploy(pins, "apply", "prod") == 0
    assert snapshot(workshop.client) == before
    assert deploy(pins, "retire", "prod", "--yes") == 0


def test_another_image_on_the_server_is_a_difference_that_apply_mends(
    workshop: Workshop, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    pins = on(kind, workshop.pins, schedule=None)
    assert deploy(pins, "apply", "prod") == 0
    deployment = workshop.client.read_deployment_by_name(FULL_NAME)
    other = {**deployment.job_variables, "image": "team/other:2"}
    workshop.client.update_deployment(deployment.id, DeploymentUpdate(job_variables=other))
    capsys.readouterr()
    assert deploy(pins, "plan", "prod") == 2
    told = capsys.readouterr().out
    assert "job_variables.image" in told
    assert IMAGE in told
    assert deploy(pins, "apply", "prod") == 0
    assert workshop.client.read_deployment_by_name(FULL_NAME).job_variables["image"] == IMAGE
    assert deploy(pins, "retire", "prod", "--yes") == 0


def in_folder(pins: Deployments) -> Deployments:
    return dataclasses.replace(pins, source=FolderSource("C:/flows/pedidos-web"))


REFUSED: dict[str, tuple[str, Callable[[str, Deployments], Deployments]]] = {
    "no image": ("FT-POOL-08", lambda kind, pins: on(kind, pins, image=None)),
    "the code in a folder of a machine": ("FT-POOL-09", lambda kind, pins: in_folder(on(kind, pins))),
    "a job variable of another type of pool": (
        "FT-POOL-07",
        lambda kind, pins: on(kind, pins, job_variables={"working_dir": "/srv"}),
    ),
    "a job variable with a value of another type": (
        "FT-POOL-10",
        lambda kind, pins: on(kind, pins, job_variables={"stream_output": "often"}),
    ),
    "an image in capitals": ("FT-IMAGE-01", lambda kind, pins: on(kind, pins, image="Team/Flow:1")),
}


@pytest.mark.parametrize("mistake", REFUSED)
def test_a_mistake_is_told_and_nothing_is_written(
    workshop: Workshop, kind: str, capsys: pytest.CaptureFixture[str], mistake: str
) -> None:
    code, change = REFUSED[mistake]
    before = snapshot(workshop.client)
    assert deploy(change(kind, workshop.pins), "apply", "prod") == 1
    told = capsys.readouterr().err
    assert f"{code}  " in told
    assert "Traceback" not in told
    assert snapshot(workshop.client) == before


def test_an_image_without_its_version_is_told_and_stops_nothing(
    workshop: Workshop, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert deploy(on(kind, workshop.pins, image="team/flow:latest"), "plan", "prod") == 2
    assert "FT-IMAGE-02  " in capsys.readouterr().err


def test_a_pool_that_brings_an_image_of_its_own_needs_none_in_the_file(
    workshop: Workshop, templates: dict[str, Any]
) -> None:
    template = templates["docker"]
    properties = template["variables"]["properties"]
    image = {**properties["image"], "default": IMAGE}
    variables = {**template["variables"], "properties": {**properties, "image": image}}
    own = {**template, "variables": variables}
    workshop.client.create_work_pool(WorkPoolCreate(name="own-prod", type="docker", base_job_template=own))
    try:
        assert deploy(on("docker", workshop.pins, work_pool="own-prod", image=None), "plan", "prod") == 2
    finally:
        workshop.client.delete_work_pool("own-prod")


# --- what runs in the container

DOCKERFILE = (TEMPLATE / "{{cookiecutter.flow_slug}}" / "Dockerfile").read_text(encoding="utf-8")
# The job of a run, made by the code of the pool's workers: what their container gets.
JOB = """
import asyncio, json, sys
from uuid import UUID
from prefect.client.orchestration import get_client
from prefect_docker.worker import DockerWorkerJobConfiguration
from prefect_kubernetes.worker import KubernetesWorkerJobConfiguration

async def main():
    async with get_client() as client:
        run = await client.read_flow_run(UUID(sys.argv[1]))
        deployment = await client.read_deployment(run.deployment_id)
        flow = await client.read_flow(run.flow_id)
        pool = await client.read_work_pool(deployment.work_pool_name)
        kinds = {"docker": DockerWorkerJobConfiguration, "kubernetes": KubernetesWorkerJobConfiguration}
        job = await kinds[pool.type].from_template_and_values(
            pool.base_job_template, deployment.job_variables, client=client
        )
        job.prepare_for_flow_run(run, deployment=deployment, flow=flow, work_pool=pool, worker_name="test")
    if pool.type == "docker":
        print(json.dumps({"image": job.image, "command": job.command.split(), "env": job.env}))
    else:
        container = job.job_manifest["spec"]["template"]["spec"]["containers"][0]
        env = {one["name"]: one["value"] for one in container["env"]}
        print(json.dumps({"image": container["image"], "command": container["args"], "env": env}))

asyncio.run(main())
"""


@dataclasses.dataclass(frozen=True)
class Image:
    """What the Dockerfile's steps leave, in a folder instead of a container."""

    home: Path
    settings: dict[str, str]

    def run(self, command: list[str], folder: Path, **more: str) -> str:
        """Run a command with the image's settings and none of these tests'."""
        kept = {n: v for n, v in os.environ.items() if n.startswith(("UV_", "SSL_", "HTTP", "http"))}
        answer = subprocess.run(
            command,
            cwd=folder,
            env=kept | self.settings | more,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            check=False,
            timeout=300,
        )
        assert answer.returncode == 0, answer.stdout
        return answer.stdout


@pytest.fixture(scope="module")
def image(workshop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> Image:
    """Do here what the Dockerfile does with uv, in its order."""
    home = tmp_path_factory.mktemp("image")
    text = DOCKERFILE.replace("\\\n", " ").replace("/home/flow", str(home))
    settings = dict(
        pair.split("=", 1) for line in re.findall(r"^ENV (.*)", text, re.MULTILINE) for pair in line.split()
    )
    uv = Path(shutil.which("uv") or "uv").parent
    settings["PATH"] = settings["PATH"].replace("$PATH", f"{uv}{os.pathsep}{os.defpath}")
    made = Image(home, settings)
    code = home / "code"
    code.mkdir()
    dependencies, everything = re.findall(r"^RUN (uv .*)", text, re.MULTILINE)
    shutil.copy(workshop.root / "pyproject.toml", code)
    made.run(shlex.split(dependencies), code)
    for name in ("README.md", "src"):
        source = workshop.root / name
        shutil.copytree(source, code / name) if source.is_dir() else shutil.copy(source, code)
    made.run(shlex.split(everything), code)
    return made


@pytest.mark.environment
def test_the_job_of_a_run_completes_with_nothing_but_git_and_what_is_in_the_image(
    workshop: Workshop, kind: str, image: Image, tmp_path: Path
) -> None:
    flows = {
        f"src/{PACKAGE}/quick.py:quick": {
            "prod": Environment(
                work_pool=f"{kind}-prod",
                image=IMAGE,
                parameters={"day": "2026-01-01"},
                # What the container has is enough: the package index is not asked.
                env={"UV_OFFLINE": "1"},
            )
        }
    }
    pins = dataclasses.replace(workshop.pins, flows=flows)
    assert deploy(pins, "apply", "prod") == 0
    deployment = workshop.client.read_deployment_by_name("quick/quick-prod")
    run = workshop.client.create_flow_run_from_deployment(deployment.id)
    script = tmp_path / "job.py"
    script.write_text(JOB, encoding="utf-8")
    packages = ["prefect-docker", "prefect-kubernetes", "fastapi<0.151", "sqlalchemy<2.1"]
    uv = [shutil.which("uv") or "uv", "run", "--quiet", "--no-project", "--isolated"]
    told = subprocess.run(
        [*uv, *(f"--with={name}" for name in packages), "python", str(script), str(run.id)],
        cwd=tmp_path,
        env={**workshop.server.environment, "PREFECT_API_AUTH_STRING": PASSWORD},
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=300,
    )
    if "No solution found" in told.stderr:
        pytest.skip(f"the workers' packages do not install here: {told.stderr[-500:]}")
    assert told.returncode == 0, told.stderr
    job = json.loads(told.stdout.splitlines()[-1])
    assert job["image"] == IMAGE
    assert job["env"]["PREFECT_RUNNER_AUTO_INSTALL_DEPENDENCIES"] == "true"
    workshop.client.set_flow_run_state(run.id, Pending())
    output = image.run(job["command"], tmp_path, **job["env"])
    ended = workshop.client.read_flow_run(run.id)
    assert ended.state_name == "Completed", output
    assert deploy(pins, "retire", "prod", "--yes") == 0


def test_the_image_runs_as_a_numbered_user_from_before_the_first_file_of_the_team() -> None:
    steps = [line for line in DOCKERFILE.splitlines() if re.match(r"[A-Z]+ ", line)]
    users = [step for step in steps if step.startswith("USER ")]
    assert users == ["USER 1000"]
    copies = [number for number, step in enumerate(steps) if step.startswith("COPY ")]
    assert steps.index(users[0]) < copies[0]


def test_a_change_of_code_leaves_the_layer_of_the_dependencies_as_it_is() -> None:
    first, second = re.findall(r"^COPY --chown=1000 (.*) (?:\./|\.)$", DOCKERFILE, re.MULTILINE)
    assert (first, second) == ("pyproject.toml uv.loc[k]", ".")
