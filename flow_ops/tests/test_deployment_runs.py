"""Runs of what `deploy.py` deployed: a real worker, `uv`, and a private repository behind a token."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import os
import shutil
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from prefect.blocks.system import Secret
from prefect.client.schemas.actions import LogCreate
from prefect.states import Cancelling
from pydantic import SecretStr

from flow_ops.deploy import runs, server
from flow_ops.deployment import Deployments, Environment, FolderSource, GitSource
from helpers.https_git import private_git_host
from helpers.support import prefect_worker, wait_until
from helpers.workshop import FLOW, PACKAGE, PASSWORD, Workshop, deploy, git, with_prod

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

pytestmark = pytest.mark.e2e

QUICK = f"src/{PACKAGE}/quick.py:quick"
TOKEN = "ghp_0123456789abcdefghij"  # noqa: S105  opens nothing but the repository of these tests
ORDER = ("first, ", "second, ", "third, ", "fourth, ")


@pytest.fixture(scope="module")
def pins(
    workshop: Workshop, git_host: tuple[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployments]:
    """The quick flow in a folder of the worker, which has its pool to itself.

    The folder keeps the environment that the first run made: the next ones start sooner.
    """
    folder = tmp_path_factory.mktemp("worker")
    code = shutil.copytree(workshop.root, folder / "flows" / "pedidos-web")
    flows = {QUICK: {"prod": Environment(work_pool="pool-prod", parameters={"day": "2026-01-01"})}}
    made = dataclasses.replace(workshop.pins, source=FolderSource(str(code)), flows=flows)
    # Empty is not set: with bytecode a run starts in a fraction of the time.
    settings = {
        "PREFECT_API_AUTH_STRING": PASSWORD,
        "PYTHONDONTWRITEBYTECODE": "",
        "GIT_SSL_CAINFO": str(git_host[1]),
    }
    with prefect_worker(workshop.server, "pool-prod", folder, **settings):
        ready = lambda: server.workers_online(workshop.client, "pool-prod")  # noqa: E731
        wait_until(ready, seconds=90, what="the worker")
        yield made
        assert deploy(made, "retire", "prod", "--yes") == 0


@pytest.fixture(scope="module")
def git_host(tmp_path_factory: pytest.TempPathFactory, workshop: Workshop) -> Iterator[tuple[str, Path]]:
    """The address of a private git host that has the workshop's repository, and its certificate."""
    folder = tmp_path_factory.mktemp("git-host")
    shutil.copytree(workshop.remote, folder / "remote.git")
    with private_git_host(folder, TOKEN, folder) as served:
        yield served


@pytest.fixture
def private(
    workshop: Workshop, pins: Deployments, git_host: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Deployments]:
    """The quick flow, from a repository that asks for a token."""
    Secret(value=SecretStr(TOKEN)).save("git-token", overwrite=True)
    address, certificate = git_host
    url = f"{address}/remote.git"
    monkeypatch.setenv("GIT_SSL_CAINFO", str(certificate))
    # A person's own, which git reads from a file: it is not to be in the processes that are watched.
    (certificate.parent / "own-token").write_text(f"username=oauth2\npassword={TOKEN}\n", encoding="ascii")
    helper = f"!cat '{certificate.parent / 'own-token'}' #"
    git(workshop.root, "remote", "add", "private", url)
    git(workshop.root, "config", "credential.helper", helper)
    yield dataclasses.replace(pins, source=GitSource(url, credentials_block="git-token"))
    git(workshop.root, "remote", "remove", "private")
    git(workshop.root, "config", "--unset", "credential.helper")


def started(workshop: Workshop, seconds: float) -> UUID:
    """Create a run that takes some time."""
    deployment = workshop.client.read_deployment_by_name("quick/quick-prod")
    return workshop.client.create_flow_run_from_deployment(deployment.id, parameters={"seconds": seconds}).id


def state_of(workshop: Workshop, run_id: UUID) -> str | None:
    return workshop.client.read_flow_run(run_id).state_name


class Watcher(threading.Thread):
    """Looks for a text in the command lines of all processes that begin from now on, again and again."""

    def __init__(self, text: str) -> None:
        super().__init__(daemon=True)
        self.text = text.encode()
        self.before = {*os.listdir("/proc")}  # noqa: PTH208 - fifty times a second, names alone
        self.seen: set[bytes] = set()
        self.clones = 0
        self.ended = threading.Event()

    def run(self) -> None:
        while not self.ended.wait(0.02):
            for process in {*os.listdir("/proc")} - self.before:  # noqa: PTH208
                with contextlib.suppress(OSError):
                    line = Path("/proc", process, "cmdline").read_bytes()
                    self.clones += b"remote-http" in line
                    if self.text in line:
                        self.seen.add(line)


def test_a_run_gets_its_code_with_a_token_that_no_process_list_record_or_log_shows(
    workshop: Workshop, pins: Deployments, private: Deployments, capsys: pytest.CaptureFixture[str]
) -> None:
    assert deploy(private, "apply", "prod") == 0
    watcher = Watcher(TOKEN)
    watcher.start()
    status = deploy(private, "run", "prod", "--copies", "2")
    watcher.ended.set()
    watcher.join()
    told = capsys.readouterr()
    assert status == 0, told
    assert f"flow_ops: commit {git(workshop.root, 'rev-parse', 'HEAD')}" in told.out
    assert "2 copies of 2026-01-01" in told.out
    assert told.out.rstrip().endswith("Completed")
    # Where else a log is: in the worker's terminal and in its file.
    assert isinstance(pins.source, FolderSource)
    terminal = Path(pins.source.path).parents[1] / "worker.log"
    for place in (terminal, workshop.server.home / "logs" / "pedidos-web.log"):
        assert place.read_text(encoding="utf-8").count("2 copies of 2026-01-01") == 1
    assert watcher.clones
    assert watcher.seen == set()
    assert TOKEN not in told.out + told.err
    record = workshop.client.read_deployment_by_name("quick/quick-prod").model_dump_json()
    assert "prefect.blocks.secret.git-token" in record
    assert TOKEN not in record
    assert TOKEN not in json.dumps([log.message for log in workshop.client.read_logs()])


def test_a_run_says_first_what_of_this_folder_it_will_not_have(
    workshop: Workshop, private: Deployments, capsys: pytest.CaptureFixture[str]
) -> None:
    assert deploy(private, "apply", "prod") == 0
    new = workshop.root / "a-change.txt"
    new.touch()
    try:
        assert deploy(private, "run", "prod") == 0
    finally:
        new.unlink()
    assert "FT-GIT-04" in capsys.readouterr().err


@pytest.mark.slow
def test_a_run_from_a_folder_of_the_worker_that_fails_ends_in_its_code_and_status_1(
    pins: Deployments, capsys: pytest.CaptureFixture[str]
) -> None:
    assert deploy(pins, "apply", "prod") == 0
    assert deploy(pins, "run", "prod", "--copies", "3", "--fail", "true") == 1
    told = capsys.readouterr()
    assert isinstance(pins.source, FolderSource)
    assert not Path(pins.source.path, ".venv").exists()
    assert "3 copies of 2026-01-01" in told.out
    assert "asked to fail" in told.out
    assert "FT-RUN-01  " in told.err
    assert "rollback" not in told.err  # A folder has no commit to go back to.


@pytest.mark.slow
def test_a_run_that_finds_no_code_names_the_place_and_where_its_cause_is_told(
    pins: Deployments, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    missing = str(tmp_path / "not-copied-yet")
    elsewhere = dataclasses.replace(pins, source=FolderSource(missing))
    assert deploy(elsewhere, "apply", "prod") == 0
    assert deploy(elsewhere, "run", "prod") == 1
    told = capsys.readouterr().err
    assert "FT-RUN-03  " in told
    assert missing in told


@pytest.mark.slow
def test_a_worker_without_uv_is_named_where_the_module_is_missing(
    workshop: Workshop, pins: Deployments, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The flow imports a module of its own, which no environment but the repository's has."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "git").symlink_to(shutil.which("git") or "")
    settings = {"PREFECT_API_AUTH_STRING": PASSWORD, "PATH": str(tmp_path / "bin")}
    elsewhere = dataclasses.replace(pins, flows={FLOW: {"prod": Environment(work_pool="spare-prod")}})
    with prefect_worker(workshop.server, "spare-prod", tmp_path, **settings):
        ready = lambda: server.workers_online(workshop.client, "spare-prod")  # noqa: E731
        wait_until(ready, seconds=90, what="the worker")
        assert deploy(elsewhere, "apply", "prod") == 0
        assert deploy(elsewhere, "run", "prod") == 1
    assert deploy(elsewhere, "retire", "prod", "--yes") == 0
    told = capsys.readouterr().err
    assert "FT-RUN-06  " in told
    assert f"no tiene el módulo '{PACKAGE}'" in told
    assert "uv --version" in told


@pytest.mark.parametrize(
    ("traceback", "missing"),
    [
        ("    import pandas\nModuleNotFoundError: No module named 'pandas'\n\nThe above exception", "pandas"),
        # A file of the repository that is not there: its environment is.
        ("ModuleNotFoundError: No module named 'pedidos_web.rows'", None),
        ("Flow run 'lucid-swan' submitted to infrastructure", None),
    ],
)
def test_the_module_that_a_worker_did_not_find_is_in_the_log_of_its_run(
    workshop: Workshop, traceback: str, missing: str | None
) -> None:
    run_id = uuid4()
    said = {
        "name": "prefect.engine",
        "level": 40,
        "message": f"Unexpected exception encountered when trying to load flow\n{traceback}",
        "timestamp": datetime.now(UTC),
    }
    workshop.client.create_logs([LogCreate.model_validate({**said, "flow_run_id": run_id})])
    assert runs.missing_module(workshop.client, run_id) == missing


@pytest.fixture(scope="module")
def followed(pins: Deployments) -> list[str]:
    """The lines of a run, followed to its end, that has a subflow with a subflow with a task."""
    flows = {f"src/{PACKAGE}/nested.py:nested": {"prod": Environment(work_pool="pool-prod")}}
    nested = dataclasses.replace(pins, flows=flows)
    assert deploy(nested, "apply", "prod") == 0
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            assert deploy(nested, "run", "prod") == 0
    finally:
        deploy(nested, "retire", "prod", "--yes")
    return printed.getvalue().splitlines()


@pytest.mark.slow
def test_the_log_of_a_run_has_the_lines_of_its_subflows_under_their_names(followed: list[str]) -> None:
    printed = [line.partition(" | INFO    | ")[2] for line in followed]
    assert [line for line in printed if line.rpartition("| ")[2].startswith(ORDER)] == [
        "first, in the flow",
        "middle-one | second, in its subflow",
        "work-one | third, in a task of the subflow's own",
        "fourth, in the flow",
    ]


@pytest.mark.slow
def test_the_log_of_a_run_is_in_order_of_time(followed: list[str]) -> None:
    times = [line.partition(" | ")[0] for line in followed if " | INFO " in line]
    assert len(times) > len(ORDER)
    assert times == sorted(times)


@pytest.mark.slow
def test_two_runs_of_a_deployment_take_turns(workshop: Workshop, pins: Deployments) -> None:
    assert deploy(pins, "apply", "prod") == 0
    created = [started(workshop, seconds=4) for _ in range(2)]

    def both_ended() -> bool:
        return all(state_of(workshop, one) == "Completed" for one in created)

    wait_until(both_ended, seconds=240, what="both runs", every=1)
    first, second = sorted(
        (workshop.client.read_flow_run(one) for one in created), key=lambda run: str(run.start_time)
    )
    assert first.end_time is not None
    assert second.start_time is not None
    assert first.end_time <= second.start_time


@pytest.mark.slow
def test_where_the_file_says_so_a_run_that_finds_another_in_progress_is_cancelled(
    workshop: Workshop, pins: Deployments, capsys: pytest.CaptureFixture[str]
) -> None:
    one_only = with_prod(pins, collision="CANCEL_NEW")
    assert deploy(one_only, "apply", "prod") == 0
    first = started(workshop, seconds=50)
    wait_until(lambda: state_of(workshop, first) == "Running", seconds=120, what="the first run")
    capsys.readouterr()
    assert deploy(one_only, "run", "prod") == 1
    told = capsys.readouterr()
    assert state_of(workshop, first) == "Running"
    assert "FT-RUN-02  La ejecución se canceló: Deployment concurrency limit reached." in told.err
    assert "copies of" not in told.out
    workshop.client.set_flow_run_state(first, Cancelling())
    wait_until(lambda: state_of(workshop, first) == "Cancelled", seconds=60, what="the first run's end")
