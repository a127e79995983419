"""A generated repository on a Windows Python, against a real server and with a worker: code from a folder, and from git.

It is below a folder with accents, spaces, `&` and `#`, and its messages are on a console with the Windows code page.
Its own tests run in the environment that uv makes of it; there the folder has no accents: uv writes it down in UTF-8,
and a Python before 3.12.4 reads that in the Windows code page.
"""

from __future__ import annotations

import getpass
import os
import re
import shutil
import signal
import subprocess
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pytest
from prefect.blocks.system import Secret
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.workers.process import ProcessWorker
from pydantic import SecretStr

from flow_ops.testing import server as testing_server
from flow_template import naming
from helpers.support import wait_until
from tests.conftest import bake_into
from tests.generating import git
from tests.windows.helpers import of_windows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from helpers.support import Server
    from tests.windows.helpers import Windows

pytestmark = [pytest.mark.windows, pytest.mark.slow]
POOL = "compras-prod"


class Repository:
    """A repository as a user at a console of Windows has it."""

    def __init__(self, windows: Windows, root: Path, server: Server) -> None:
        self.windows = windows
        self.root = root
        self.variables = {
            "PYTHONPATH": ";".join(of_windows(root / path) for path in ("src", "vendor/flow_ops/src")),
            "PREFECT_API_URL": server.url,
            "PREFECT_HOME": of_windows(root.parent / "prefect"),
            "FLOW_LOG_DIR": of_windows(root.parent / "registros"),
            "PYTHONUTF8": "0",
            "PYTHONIOENCODING": "cp1252",
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def say(self, *words: str, status: int = 0) -> str:
        done = self.windows.python(
            *("-B", *words), cwd=self.root, seconds=900, encoding="cp1252", **self.variables
        )
        said = done.stdout
        assert (done.returncode, "Traceback" in said) == (status, False), said[-4000:]
        return said

    @contextmanager
    def worker(self) -> Iterator[None]:
        """Run a worker of Prefect's own, which takes what is due each second."""
        log = self.root.parent / "worker.log"
        words = ("-m", "prefect", "worker", "start", "--pool", POOL, "--type", "process", "--name", "windows")
        # Wine keeps Python from starting with a file of Linux: see README.md here.
        child = subprocess.Popen(
            [
                "bash",
                "-c",
                'wine "$@" </dev/null 2>&1 | cat >"$0"',
                str(log),
                r"C:\Python311\python.exe",
                *words,
            ],
            cwd=self.root.parent,
            env={**self.windows.environment, **self.variables, "PREFECT_WORKER_QUERY_SECONDS": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            wait_until(
                lambda: log.exists() and "started" in log.read_text(encoding="cp1252", errors="replace"),
                seconds=400,
                what="the worker",
            )
            yield
        finally:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait(30)


@pytest.fixture(scope="module")
def _pool(server: Server) -> Iterator[None]:
    """A work pool, and the Secret block with the token for git."""
    with temporary_settings({PREFECT_API_URL: server.url}), get_client(sync_client=True) as client:
        template = ProcessWorker.get_default_base_job_template()
        client.create_work_pool(WorkPoolCreate(name=POOL, type="process", base_job_template=template))
        Secret(value=SecretStr("not-asked-for")).save(naming.definition()["_git_token_block"])
        yield


def made(windows: Windows, folder: Path, source: str, place: str) -> Path:
    """Generate a repository whose code the worker takes from `source`, and bring it to `place`, a folder of C:."""
    folder.mkdir()
    # On Linux: `test_generation.py` shows that the files are the same.
    written = {"local": f"C:/{place}/linea-diaria", "git": "https://git.example.org/linea-diaria.git"}
    root = bake_into(
        folder,
        flow_name="Línea de ñandú",
        flow_slug="linea-diaria",
        area="compras",
        code_source=source,
        repo_url=written[source],
    )
    there = windows.path(rf"C:\{place}")
    there.mkdir(exist_ok=True)
    if source == "local":
        (there / "linea-diaria").symlink_to(root, target_is_directory=True)
    else:
        # The worker asks for it with the token, as it asks a git host: through the shell of Windows.
        remote, bare = f"file:///C:/{place}/linea-diaria.git", there / "linea-diaria.git"
        pins = (root / "deploy.py").read_text(encoding="utf-8")
        assert written["git"] in pins
        (root / "deploy.py").write_text(pins.replace(written["git"], remote), encoding="utf-8")
        git(there, "init", "--quiet", "--bare", str(bare))
        git(root, "remote", "add", "origin", f"file://{bare}")  # as `git.exe` writes and reads that address
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "first")
    if source == "git":
        git(root, "push", "--quiet", str(bare), "main")
    return root


@pytest.fixture(scope="module", params=["local", "git"])
def repository(
    request: pytest.FixtureRequest,
    own_windows: Windows,
    server: Server,
    _pool: None,
    tmp_path_factory: pytest.TempPathFactory,
) -> Repository:
    folder = tmp_path_factory.mktemp("windows") / "flujos de ñandú & co #1"
    return Repository(own_windows, made(own_windows, folder, request.param, "flujos"), server)


def test_its_own_command_ends_with_its_table(repository: Repository) -> None:
    said = repository.say("-m", "linea_diaria")
    assert "Finished in state Completed()" in said


def test_it_is_planned_deployed_run_looked_at_and_retired(repository: Repository) -> None:
    planned = repository.say("deploy.py", "plan", "prod", status=2)
    assert all(word in planned for word in ("linea-diaria", POOL, "próximas")), planned
    repository.say("deploy.py", "apply", "prod")
    repository.say("deploy.py", "plan", "prod")
    with repository.worker():
        ran = repository.say("deploy.py", "run", "prod")
    assert "Completed" in ran
    assert "linea-diaria" in repository.say("deploy.py", "status")
    repository.say("deploy.py", "retire", "prod", "--yes")
    assert POOL in repository.say("deploy.py", "plan", "prod", status=2)


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("source", ["local", "git"])
def test_its_own_tests_pass_in_the_environment_that_uv_makes(
    source: str, own_windows: Windows, tmp_path: Path
) -> None:
    # Such as an earlier session leaves: to fill an empty one takes Wine longer than its tests wait.
    database = testing_server._migrated()
    cache = own_windows.path(rf"C:\users\{getpass.getuser()}\AppData\Local\flow-ops")
    cache.mkdir(parents=True, exist_ok=True)
    shutil.copy(database, cache)
    root = made(own_windows, tmp_path / "flujos & co #1", source, "pruebas")
    synced = own_windows.run("uv.exe", "sync", "--quiet", cwd=root, seconds=600, UV_COMPILE_BYTECODE="1")
    assert synced.returncode == 0, synced.stdout
    git(root, "add", "uv.lock")
    git(root, "commit", "--quiet", "--message", "lock")
    # With those that its README runs on its own: a server, a worker and git, from deployment to retirement.
    tested = own_windows.run(
        "uv.exe", "run", "--quiet", "pytest", "-m", "", cwd=root, seconds=1500, encoding="cp1252"
    )
    summary = re.sub(r" in .*", "", tested.stdout.strip().splitlines()[-1]).strip("= ")
    assert (tested.returncode, bool(re.fullmatch(r"\d+ passed", summary))) == (0, True), tested.stdout[-8000:]
