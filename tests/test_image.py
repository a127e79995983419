"""The generated Dockerfile: who the container is, and that a run of a container's pool completes in what it makes.

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
from typing import TYPE_CHECKING

import pytest
from prefect.states import Pending

from flow_ops.deployment import Environment
from helpers.workshop import (
    PACKAGE,
    PASSWORD,
    Workshop,
    container_pool,
    deploy,
    inside,
    open_workshop,
    pointing_at,
)
from tests.conftest import TEMPLATE, bake_into

if TYPE_CHECKING:
    from collections.abc import Iterator

IMAGE = "registry.example.com:5000/team/pedidos-web:1.4.0"

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
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    """A server, and a generated repository with its remote."""
    folder = tmp_path_factory.mktemp("workshop")
    with (
        open_workshop(folder, lambda folder, slug: bake_into(folder, flow_slug=slug)) as place,
        inside(place.root),
        pointing_at(place.server.url),
    ):
        yield place


@pytest.fixture(params=["docker", "kubernetes"])
def kind(request: pytest.FixtureRequest, workshop: Workshop) -> Iterator[str]:
    """A type of pool; the pool is `<type>-prod`."""
    with container_pool(workshop.client, str(request.param)):
        yield str(request.param)


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
    dependencies, everything = re.findall(r"^RUN (?:--mount=\S+ +)?(uv .*)", text, re.MULTILINE)
    for name in ("pyproject.toml", "uv.lock"):
        shutil.copy(workshop.root / name, code)
    shutil.copytree(workshop.root / "vendor", code / "vendor")
    shutil.copy(workshop.root / "README.md", code / "vendor")
    made.run(shlex.split(dependencies), code)
    for name in ("README.md", "src"):
        source = workshop.root / name
        shutil.copytree(source, code / name) if source.is_dir() else shutil.copy(source, code)
    made.run(shlex.split(everything), code)
    return made


@pytest.mark.slow
@pytest.mark.e2e
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
