"""The fleet as a flow of a repository: deployed by its deploy.py, run by a worker, published as an artifact."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey

from flow_ops.deploy import server
from helpers.support import prefect_worker, wait_until
from helpers.workshop import PASSWORD, Workshop, git

if TYPE_CHECKING:
    from pathlib import Path

ENTRY = '    "flow_ops.fleet:report": {"prod": Environment(work_pool="pool-prod")},\n'


def deploy_py(workshop: Workshop, *arguments: str) -> str:
    """Run deploy.py in a process of its own, where nothing of the library is imported yet."""
    answer = subprocess.run(
        [sys.executable, "deploy.py", *arguments],
        cwd=workshop.root,
        env=workshop.environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return answer.stdout


@pytest.mark.slow
@pytest.mark.e2e
def test_a_worker_publishes_the_fleet_as_an_artifact(workshop: Workshop, tmp_path: Path) -> None:
    file = workshop.root / "deploy.py"
    text = file.read_text(encoding="utf-8")
    place = "    FLOW: ENVIRONMENTS,\n"
    file.write_text(text.replace(place, place + ENTRY), encoding="utf-8")
    git(workshop.root, "commit", "--quiet", "--all", "--message", "Publish the fleet")
    git(workshop.root, "push", "--quiet", "origin", "main")
    deploy_py(workshop, "apply", "prod")
    settings = {"PREFECT_API_AUTH_STRING": PASSWORD, "FLOW_PROJECT_ROOT": "", "PYTHONDONTWRITEBYTECODE": ""}
    with prefect_worker(workshop.server, "pool-prod", tmp_path / "worker", **settings):
        ready = lambda: server.workers_online(workshop.client, "pool-prod")  # noqa: E731
        wait_until(ready, seconds=90, what="the worker")
        told = deploy_py(workshop, "run", "prod", "--flow", "pedidos-web-fleet")
    assert "despliegues: 2, repositorios: 1" in told
    [artifact] = workshop.client.read_artifacts(
        artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=["fleet"])), limit=1
    )
    assert artifact.description
    assert "piden atención: 0" in artifact.description
    lines = str(artifact.data).splitlines()
    assert "| estado | repositorio | despliegue | área |" in lines[2]
    assert [
        line
        for line in lines
        if "| OK | pedidos-web | pedidos-web-prod | general | prod | pool-prod (1) |" in line
    ]
