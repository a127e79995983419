"""The tests of a generated repository: against Prefect's own test harness, and against other scaffolds.

The plugin's server is compared with the stock harness in fresh processes, from the second session on: the
migrated database is in the cache. Then the whole `pytest` of a generated repository,
with the plugin and with the harness in its place. `bench_nothing_to_green` has the other scaffolds.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.harness import QUICK, TEMPLATE, Figure, in_turns, run

RUNS = 2 if QUICK else 5

# Each prints the seconds that a session waits for its server; Prefect itself any test has imported by then.
STOCK = """
import time
import prefect
start = time.perf_counter()
from prefect.testing.utilities import prefect_test_harness
with prefect_test_harness(server_startup_timeout=120):
    print(time.perf_counter() - start)
"""
OURS = """
import shutil, time
from flow_ops.testing.isolation import HOME
from flow_ops.testing.server import begin
start = time.perf_counter()
server = begin(HOME).wait()
print(time.perf_counter() - start)
server.stop()
shutil.rmtree(HOME)
"""
# In place of the plugin's fixture of that name, with all else the same.
STOCK_FIXTURE = """

import pytest


@pytest.fixture(scope="session")
def prefect_server():
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=120):
        yield


def pytest_collection_finish(session):
    if start := next((s for s in session.config.stash._storage.values() if hasattr(s, "migrating")), None):
        start.stop()
"""


def measure() -> list[Figure]:
    """Return the ratios to the harness, and the seconds of a repository's tests."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ours = _generate(folder / "ours")
        stock = _generate(folder / "stock")
        with (stock / "tests" / "conftest.py").open("a", encoding="utf-8") as conftest:
            conftest.write(STOCK_FIXTURE)
        environment = {
            "PYTHONPATH": str(ours / "src"),
            "XDG_CACHE_HOME": str(folder / "cache"),
            "PREFECT_HOME": str(folder / "prefect"),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        }
        start = in_turns(
            RUNS,
            stock=lambda: _wait(STOCK, folder, environment),
            ours=lambda: _wait(OURS, folder, environment),
        )
        suite = in_turns(
            RUNS - 2 or 1,
            stock=lambda: _pytest(stock, environment),
            ours=lambda: _pytest(ours, environment),
        )
        return [
            Figure(
                "tests: start of the server, ratio to the harness",
                start["ours"] / start["stock"],
                "",
                goal=0.45,
            ),
            Figure("tests: start of the server", start["ours"], "s"),
            Figure("tests: start of the harness", start["stock"], "s"),
            Figure("tests: a repository's pytest", suite["ours"], "s", goal=20, note="warm cache"),
            Figure("tests: the same with the harness", suite["stock"], "s"),
        ]


def _wait(script: str, folder: Path, environment: dict[str, str]) -> float:
    """Return the seconds that a script in a process of its own says it waited."""
    answer = subprocess.run(
        [sys.executable, "-c", script],
        cwd=folder,
        env={**os.environ, **environment},
        check=True,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    return float(answer.stdout)


def _generate(folder: Path) -> Path:
    folder.mkdir()
    command = [sys.executable, "-m", "cookiecutter", str(TEMPLATE), "--no-input", "--output-dir", str(folder)]
    run(command, environment={"HOME": str(folder), "USERPROFILE": str(folder)})
    repository = next(child for child in folder.iterdir() if (child / "deploy.py").is_file())
    run(["uv", "lock", "--quiet"], cwd=repository)
    return repository


def _pytest(repository: Path, environment: dict[str, str]) -> float:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    return run(
        command, cwd=repository, environment={**environment, "PYTHONPATH": str(repository / "src")}
    ).seconds
