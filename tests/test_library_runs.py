"""A repository whose library comes from an index or from git: generated, locked, deployed, run on a real worker."""

from __future__ import annotations

import contextlib
import os
import runpy
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from prefect.blocks.system import Secret
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import WorkPoolCreate
from pydantic import SecretStr

from flow_ops.deploy import source
from flow_ops.deployment import GitSource
from flow_template import naming
from helpers.https_git import private_git_host
from helpers.package_index import package_index
from helpers.support import prefect_server, prefect_worker, wait_until
from helpers.workshop import deploy, git, inside, pointing_at, publish
from tests.generating import command
from tests.organisation import ROOT, copied

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from uuid import UUID

    from prefect.client.schemas.objects import FlowRun

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

TOKEN = "a-token-that-opens-both-repositories"  # noqa: S105 - of a host that lives as long as a test
TAG = f"v{naming.definition()['__template_version']}"


@dataclass
class Place:
    """Where the library is: on the disk behind it, and what developers and the worker's machine need to read it."""

    library: Path

    conventions: dict[str, Any]
    developer: dict[str, str]
    worker: dict[str, str]
    repositories: Path


@contextlib.contextmanager
def an_index(folder: Path) -> Iterator[Place]:
    """Build the library, and serve it as the only package of an index on loopback."""
    dist = folder / "dist"
    subprocess.run(["uv", "build", "--quiet", "--out-dir", dist, ROOT / "flow_ops"], check=True)

    repositories = folder / "hosted"
    repositories.mkdir()
    with package_index(dist) as address:
        conventions = {
            "_flow_ops_source": "index",
            "_flow_ops_index": address,
            "_git_base_url": repositories.as_uri(),
        }
        yield Place(dist, conventions, {}, {}, repositories)


@contextlib.contextmanager
def a_private_git_host(folder: Path) -> Iterator[Place]:
    """Serve the template, and the flow's repository, to who has the token."""
    repositories = folder / "hosted"
    repositories.mkdir()
    template = copied(folder / "of-the-template", {})
    git(template, "tag", TAG)
    git(folder, "clone", "--quiet", "--bare", str(template), str(repositories / "flow-template.git"))
    with private_git_host(repositories, TOKEN, folder) as (address, certificate):
        trusted = {"GIT_SSL_CAINFO": str(certificate)}
        own = source.credentials(GitSource(address), TOKEN)
        conventions = {"_flow_ops_source": "git", "_git_base_url": address}
        library = repositories / "flow-template.git"
        yield Place(library, conventions, {**trusted, **own}, trusted, repositories)


PLACES = {"index": an_index, "git": a_private_git_host}


@pytest.mark.parametrize("mode", PLACES)
def test_a_run_on_a_worker_completes_and_one_that_cannot_have_the_library_says_so_in_the_ui(
    mode: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with contextlib.ExitStack() as stack:
        place = stack.enter_context(PLACES[mode](tmp_path))
        template = copied(tmp_path / "flow-template", place.conventions)
        answers = ["language=en", "flow_slug=night-sales"]
        done = command(template, "--no-input", *answers, cwd=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
        root = tmp_path / "night-sales"
        assert not (root / "vendor").exists()
        for name, value in place.developer.items():
            monkeypatch.setenv(name, value)
        uv(root, "lock", UV_CACHE_DIR=str(tmp_path / "cache-of-a-developer"))
        remote = place.repositories / "night-sales.git"
        git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", str(remote))
        publish(root, remote)
        git(root, "remote", "set-url", "origin", runpy_pins(root).source.url)

        server = stack.enter_context(prefect_server(tmp_path, port=None))
        client = stack.enter_context(SyncPrefectClient(server.url))
        client.create_work_pool(WorkPoolCreate(name="pool-prod", type="process"))
        with inside(root), pointing_at(server.url, ""):
            Secret(value=SecretStr(TOKEN)).save("git-token")
            assert deploy(runpy_pins(root), "apply", "prod") == 0
        deployment = client.read_deployment_by_name("night-sales/night-sales-prod")
        assert TOKEN not in str(deployment)

        for name in place.developer:
            monkeypatch.delenv(name, raising=False)
        settings = {**place.worker, "PREFECT_WORKER_QUERY_SECONDS": "1"}
        stack.enter_context(prefect_worker(server, "pool-prod", tmp_path / "worker", **settings))

        gone = place.library.rename(place.library.with_name("gone"))
        run = ended(client, deployment.id)
        assert run.state_name in ("Crashed", "Failed")
        wait_until(lambda: "FT-LIBRARY-09" in told(client, run), seconds=30, what="the event")
        said = told(client, run)
        assert "uv run flow-ops source vendor" in said
        assert TOKEN not in said
        with inside(root), pointing_at(server.url, ""):
            assert deploy(runpy_pins(root), "run", "prod") == 1
        assert "FT-LIBRARY-09" in capsys.readouterr().err

        gone.rename(place.library)
        run = ended(client, deployment.id)
        said = told(client, run)
        assert run.state_name == "Completed", said
        assert TOKEN not in said


def ended(client: SyncPrefectClient, deployment_id: UUID) -> FlowRun:
    """Start a run and wait for its end."""
    run = client.create_flow_run_from_deployment(deployment_id)

    def is_over() -> bool:
        state = client.read_flow_run(run.id).state
        return bool(state and state.is_final())

    wait_until(is_over, seconds=240, what="the end of the run")
    return client.read_flow_run(run.id)


def runpy_pins(root: Path) -> Any:
    return runpy.run_path(str(root / "deploy.py"))["DEPLOYMENTS"]


def uv(root: Path, *arguments: str, **variables: str) -> None:
    done = subprocess.run(
        [shutil.which("uv") or "uv", *arguments],
        cwd=root,
        env={**os.environ, **variables},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]


def told(client: SyncPrefectClient, run: FlowRun) -> str:
    """Return what the UI shows of a run: its state's message, its logs and its events."""
    logs = [log.message for log in client.read_logs(limit=200) if log.flow_run_id == run.id]
    wanted = {"filter": {"resource": {"id": [f"prefect.flow-run.{run.id}"]}}}
    events = client.request("POST", "/events/filter", json=wanted).json()["events"]
    return "\n".join([str(run.state and run.state.message), *logs, *map(str, events)])
