"""Pools of containers, with the base job templates that Prefect has for them: what is deployed, what is refused."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest
from prefect.client.schemas.actions import DeploymentUpdate

from flow_ops.deployment import Deployments, FolderSource
from helpers.workshop import FULL_NAME, Workshop, container_pool, deploy, with_prod, written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.e2e

IMAGE = "registry.example.com:5000/team/pedidos-web:1.4.0"
VARIABLES: dict[str, dict[str, Any]] = {
    "docker": {"mem_limit": "512m", "networks": ["flows"], "auto_remove": True},
    "kubernetes": {"namespace": "flows", "cpu_limit": "500m", "memory_limit": "512Mi"},
}


@pytest.fixture(params=["docker", pytest.param("kubernetes", marks=pytest.mark.slow)])
def kind(request: pytest.FixtureRequest, workshop: Workshop) -> Iterator[str]:
    """A type of pool; the pool is `<type>-prod`."""
    with container_pool(workshop.client, str(request.param)):
        yield str(request.param)


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
    with written() as requests:
        assert deploy(pins, "apply", "prod") == 0
    assert requests == []
    assert deploy(pins, "retire", "prod", "--yes") == 0


@pytest.mark.slow
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
    assert "job_variables.image" in capsys.readouterr().out
    assert deploy(pins, "plan", "prod", "--all") == 2
    told = capsys.readouterr().out
    assert "team/other:2" in told
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


@pytest.mark.slow
@pytest.mark.parametrize("mistake", REFUSED)
def test_a_mistake_is_told_and_nothing_is_written(
    workshop: Workshop, kind: str, capsys: pytest.CaptureFixture[str], mistake: str
) -> None:
    code, change = REFUSED[mistake]
    with written() as requests:
        assert deploy(change(kind, workshop.pins), "apply", "prod") == 1
    told = capsys.readouterr().err
    assert f"{code}  " in told
    assert "Traceback" not in told
    assert requests == []


@pytest.mark.slow
def test_an_image_without_its_version_is_told_and_stops_nothing(
    workshop: Workshop, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert deploy(on(kind, workshop.pins, image="team/flow:latest"), "plan", "prod") == 2
    assert "FT-IMAGE-02  " in capsys.readouterr().err


@pytest.mark.slow
def test_a_pool_that_brings_an_image_of_its_own_needs_none_in_the_file(
    workshop: Workshop,
) -> None:
    with container_pool(workshop.client, "docker", image=IMAGE) as pool:
        assert deploy(on("docker", workshop.pins, work_pool=pool, image=None), "plan", "prod") == 2
