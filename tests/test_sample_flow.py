"""The sample flow on a real server: what a person reads, and what a branch that fails leaves behind."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.sorting import FlowRunSort

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from helpers.support import Server

    Run = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = pytest.mark.e2e

# Rosario's rows cannot be read; without the retries, which wait.
ONE_BRANCH_FAILS = """
import asyncio

import prefect
from ventas_diarias import flow, tasks

summarise_branch = tasks.summarise_branch.fn

@prefect.flow
async def fail(file, branch, since):
    if branch == "Rosario":
        raise OSError("no answer from Rosario")
    return await summarise_branch(file, branch, since)

tasks.summarise_branch = fail
print(asyncio.run(flow.ventas_diarias(return_state=True)).name)
"""


@pytest.fixture(scope="module")
def run(repository: Path, server: Server, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A function that runs Python on the server, and loads into a database that has no other use."""
    folder = tmp_path_factory.mktemp("sample")
    environment = {
        **server.environment,
        "PYTHONPATH": str(repository / "src"),
        "FLOW_LOG_DIR": str(folder / "logs"),
        "FLOW_DATABASE_URL": f"sqlite:///{folder / 'sales.db'}",
    }

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, *arguments]
        return subprocess.run(
            command, env=environment, cwd=folder, capture_output=True, encoding="utf-8", check=True
        )

    return run


def test_the_sample_is_summed_up_and_says_that_its_wrong_orders_are_meant(run: Run) -> None:
    done = run("-m", "ventas_diarias")
    total = "{'orders': 57, 'units': 366, 'rejected': 3}"
    assert done.stdout.splitlines()[-1] == total
    assert sorted(re.findall(r"Pedido (\d+) rechazado", done.stderr)) == ["17", "41", "52"]
    assert "Tres pedidos de la muestra están mal a propósito" in done.stderr
    assert " | WARNING | " not in done.stderr


@pytest.mark.slow
def test_wrong_orders_of_a_real_file_are_a_warning_that_counts_them(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    rows = ["1,Centro,2026-03-02,2", "2,Centro,2026-03-02,-2"]
    file.write_text("\n".join(["order_id,branch,day,units", *rows]), encoding="utf-8")
    done = run("-m", "ventas_diarias", "--orders-file", str(file))
    assert "{'orders': 1, 'units': 2, 'rejected': 1}" in done.stdout
    assert "Pedido 2 rechazado: units: " in done.stderr
    assert re.search(r" \| WARNING \| .*Pedidos rechazados: 1", done.stderr)
    assert "a propósito" not in done.stderr


@pytest.mark.slow
def test_a_branch_that_fails_lets_the_others_end_and_then_fails_the_flow(run: Run, server: Server) -> None:
    with SyncPrefectClient(server.url) as client:
        before = {each.id for each in client.read_flow_runs(sort=FlowRunSort.START_TIME_DESC)}
        done = run("-c", ONE_BRANCH_FAILS)
        after = client.read_flow_runs(sort=FlowRunSort.START_TIME_DESC)
        runs = [each for each in after if each.id not in before]
    assert done.stdout.splitlines()[-1] == "Failed"
    (main,) = [each for each in runs if each.parent_task_run_id is None]
    assert main.state_name == "Failed"
    assert "no answer from Rosario" in str(main.state)
    # None is left Running, as one is whose flow ends before it does.
    branches = [str(each.state_name) for each in runs if each.parent_task_run_id]
    assert sorted(branches) == ["Completed"] * 5 + ["Failed"]
    assert "load_summaries" not in done.stderr
