"""The diagnosis from inside a worker: what it reports, and what it calls a problem."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from prefect import flow, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.settings import PREFECT_API_URL, temporary_settings

from helpers.support import prefect_worker, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from prefect.client.orchestration import SyncPrefectClient

    from helpers.support import Server


@dataclass
class Worker:
    """Where a real worker runs the flow."""

    client: SyncPrefectClient
    folder: Path
    deployment: Any

    def diagnose(self, **environment: str) -> tuple[str, str]:
        """Run the flow with these variables; return its final state's name and its message."""
        run = self.client.create_flow_run_from_deployment(
            self.deployment, job_variables={"env": {"FLOW_LANGUAGE": "en", **environment}}
        ).id

        def final() -> bool:
            state = self.client.read_flow_run(run).state
            return bool(state and state.is_final())

        wait_until(final, seconds=180, what="the diagnosis")
        state = self.client.read_flow_run(run).state
        assert state is not None
        return state.name or "", state.message or ""


@pytest.fixture(scope="module")
def worker(server: Server, repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    folder = tmp_path_factory.mktemp("diagnose")
    with temporary_settings({PREFECT_API_URL: server.url}), get_client(sync_client=True) as client:
        client.create_work_pool(WorkPoolCreate(name="diagnose", type="process"))
        source: Any = flow.from_source(str(repository), entrypoint="flow_ops.diagnose.diagnose")
        deployment = source.deploy(
            name="prod",
            work_pool_name="diagnose",
            job_variables={"env": {"PYTHONPATH": str(repository / "src"), "PYTHONUTF8": "1"}},
            build=False,
            ignore_warnings=True,
            print_next_steps=False,
        )
        with prefect_worker(server, "diagnose", folder):
            yield Worker(client, folder, deployment)


@pytest.mark.slow
@pytest.mark.e2e
def test_a_sound_worker_reports_what_it_sees_in_an_artifact(worker: Worker, repository: Path) -> None:
    python_path = {"PYTHONPATH": str(repository / "src"), "PYTHONUTF8": "1"}
    assert worker.diagnose(**python_path, FLOW_LOG_DIR=str(worker.folder / "logs"))[0] == "Completed"
    [artifact] = worker.client.read_artifacts(
        artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=["diagnose"])), limit=1
    )
    table = str(artifact.data)
    for expected in (
        "| utf8_mode | True |",
        f"| log_folder | {worker.folder / 'logs'} |",
        "'prefect': '3.",
        "/uv |",
    ):
        assert expected in table


@pytest.mark.slow
@pytest.mark.e2e
def test_a_worker_without_uv_whose_log_folder_is_a_file_fails_and_says_both(
    worker: Worker, repository: Path
) -> None:
    occupied = worker.folder / "occupied"
    occupied.touch()
    state, message = worker.diagnose(
        PYTHONPATH=str(repository / "src"), PYTHONUTF8="1", FLOW_LOG_DIR=str(occupied), PATH=os.defpath
    )
    assert state == "Failed"
    assert "FT-DIAGNOSE-01" in message
    assert "uv is not on the PATH" in message
    assert f"cannot write to {occupied}" in message


@pytest.fixture
def sound(repository: Path) -> dict[str, Any]:
    return {
        "host": "server-1",
        "system": "Windows-10",
        "user": "svc-flows",
        "python": "3.11.9",
        "interpreter": "C:/flows/python.exe",
        "working_folder": "C:/flows",
        "repository": str(repository),
        "prefect_home": "C:/flows/prefect",
        "temporary_folder": "C:/Temp",
        "log_folder": str(repository),
        "encoding": "UTF-8",
        "utf8_mode": True,
        "versions": {"prefect": "3.8.8"},
        "server": "http://server:4200/api",
        "server_version": "3.8.8",
        "clock_ahead_of_server": timedelta(0),
        "uv": "C:/flows/uv.exe",
        "git": "2.47.1",
    }


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"uv": None}, "uv is not on the PATH"),
        ({"git": None}, "git is not on the PATH"),
        ({"git": "2.30.9"}, "git 2.30.9 is older than 2.31"),
        ({"encoding": "cp1252"}, "PYTHONUTF8=1 is missing"),
        ({"clock_ahead_of_server": timedelta(minutes=-5)}, "the clock differs from the server's by 5 min"),
    ],
)
def test_each_thing_that_breaks_flows_is_a_problem_by_itself(
    sound: dict[str, Any], change: dict[str, Any], problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flow_ops.diagnose import _problems  # noqa: PLC0415

    monkeypatch.setenv("FLOW_LANGUAGE", "en")
    assert list(_problems(sound)) == []
    [found] = _problems({**sound, **change})
    assert problem in found
