"""Many repositories against one server: does the time of each stay flat? On SQLite, then on PostgreSQL.

`BENCHMARKS_FLEET=50` makes it a smaller fleet. Everything happens in one process, so that what is left is the work
of each repository: `cookiecutter()` and its hooks, then `deploy.py plan prod` and `apply prod` by the `main` that
they call, with every check, of a real deploy.py and a flow that is really imported. Left out are the start of the
interpreter and the import of Prefect, which depend on no fleet. Apply's wait for its first scheduled runs is
measured apart: it belongs to the server's scheduler, whose loop is set to one second. The code comes from a folder.
PostgreSQL is the tests' own, which does not wait for the disk.
"""

from __future__ import annotations

import contextlib
import io
import os
import runpy
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.harness import QUICK, TEMPLATE, Figure
from benchmarks.repository import generate
from helpers.postgresql import missing, postgresql
from helpers.support import prefect_server

sys.path.insert(0, str(TEMPLATE / "flow_ops" / "src"))

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import WorkPoolCreate

from flow_ops import deployment
from flow_ops.deploy import planning
from helpers.workshop import inside, pointing_at

if TYPE_CHECKING:
    from collections.abc import Iterator

NUMBER = int(os.environ.get("BENCHMARKS_FLEET", "20" if QUICK else "300"))
ENVIRONMENT, POOL = "prod", "pool-prod"
DIFFERENT = 2
# As the team's server has it, but for the scheduler's loop (5 s).
SETTINGS = {"PREFECT_SERVER_SERVICES_SCHEDULER_RECENT_DEPLOYMENTS_LOOP_SECONDS": "1"}


@dataclass
class Times:
    """The seconds of each repository, in the order of the fleet."""

    generate: list[float] = field(default_factory=list)
    plan: list[float] = field(default_factory=list)
    apply: list[float] = field(default_factory=list)
    first_run: list[float] = field(default_factory=list)
    plan_again: list[float] = field(default_factory=list)


def measure() -> list[Figure]:
    """Return, for each database, the median of each step and how the last tenth compares with the first."""
    figures = _fleet("SQLite", {})
    if why := missing():
        sys.stderr.write(f"fleet: {why}\n")
        return figures
    with postgresql() as address:
        return figures + _fleet("PostgreSQL", {"PREFECT_SERVER_DATABASE_CONNECTION_URL": address})


def _fleet(database: str, settings: dict[str, str]) -> list[Figure]:
    times = Times()
    with (
        tempfile.TemporaryDirectory() as name,
        prefect_server(Path(name), port=None, **SETTINGS, **settings) as server,
        SyncPrefectClient(server.url) as client,
        pointing_at(server.url, ""),
    ):
        client.create_work_pool(WorkPoolCreate(name=POOL, type="process"))
        roots = [_generate(Path(name), number, times) for number in range(NUMBER + 1)]
        for root in roots:
            _deploy(root, times)
        for root in roots:
            with _repository(root) as pins:
                times.plan_again.append(_command(pins, "plan", expected=0))
    # The first of all imports what the others find imported.
    return [fig for step, seconds in vars(times).items() for fig in _figures(database, step, seconds[1:])]


def _figures(database: str, step: str, seconds: list[float]) -> list[Figure]:
    name = f"{database}, {step.replace('_', ' ')}"
    tenth = max(len(seconds) // 10, 1)
    first, last = statistics.median(seconds[:tenth]), statistics.median(seconds[-tenth:])
    goal = None if step == "first_run" else 1.3
    return [
        Figure(f"{name}: one of {len(seconds)} repositories", statistics.median(seconds), "s"),
        Figure(
            f"{name}: last tenth over first", last / first, "x", goal, f"{last:.3f} s against {first:.3f} s"
        ),
    ]


def _generate(folder: Path, number: int, times: Times) -> Path:
    slug = f"fleet-{number:03d}"
    answers = {"flow_name": slug, "flow_slug": slug, "area": "general", "code_source": "local"}
    start = time.perf_counter()
    root = generate(folder, **answers, repo_url=str(folder / slug))
    times.generate.append(time.perf_counter() - start)
    return root


def _deploy(root: Path, times: Times) -> None:
    """Plan and apply one repository for the first time."""
    waited: list[float] = []
    original = planning.first_run

    def first_run(*arguments: object) -> object:
        start = time.perf_counter()
        try:
            return original(*arguments)  # type: ignore[arg-type]
        finally:
            waited.append(time.perf_counter() - start)

    with _repository(root) as pins:
        times.plan.append(_command(pins, "plan", expected=DIFFERENT))
        planning.first_run = first_run  # type: ignore[assignment]
        try:
            seconds = _command(pins, "apply", expected=0)
        finally:
            planning.first_run = original
    times.apply.append(seconds - sum(waited))
    times.first_run.append(sum(waited))


@contextlib.contextmanager
def _repository(root: Path) -> Iterator[deployment.Deployments]:
    """Stand in a repository with its pins, as a process of its own would; its modules are dropped afterwards."""
    path, modules = sys.path[:], set(sys.modules)
    sys.path.insert(0, str(root / "src"))
    with inside(root):
        yield runpy.run_path(str(root / "deploy.py"))["DEPLOYMENTS"]
    sys.path[:] = path
    package = root.name.replace("-", "_")
    for module in set(sys.modules) - modules:
        if module.partition(".")[0] == package:
            del sys.modules[module]


def _command(pins: deployment.Deployments, command: str, *, expected: int) -> float:
    output = io.StringIO()
    start = time.perf_counter()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        status = deployment.main(pins, [command, ENVIRONMENT])
    seconds = time.perf_counter() - start
    if status != expected:
        raise RuntimeError(f"{command} ended with {status}:\n{output.getvalue()[-2000:]}")
    return seconds
