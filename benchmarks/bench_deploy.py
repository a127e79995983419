"""`deploy.py plan` and `apply`, for one deployment and for a hundred: wall time, requests, and how they grow.

One real server on SQLite. The import of Prefect, which every command pays, is measured in the same turns.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.harness import TEMPLATE, Figure, in_turns, run
from benchmarks.repository import generate

# The managed package, which the workshop imports, stands in the template's folder.
sys.path.insert(0, str(TEMPLATE / "flow_ops" / "src"))

from helpers.workshop import PACKAGE, Workshop, open_workshop, proxy

if TYPE_CHECKING:
    from collections.abc import Callable

IMPORT = "from prefect import flow; from prefect.client.orchestration import get_client"
# Only the number of flows changes; their schedules are paused, so that no time is spent on waiting for runs.
DEPLOY = """
import sys
from flow_ops.deployment import Deployments, Environment, FolderSource, main
number, command = int(sys.argv[1]), sys.argv[2]
environments = {"prod": Environment(work_pool="pool-prod", schedule="30 1 * * *", active=False)}
flows = {f"src/PACKAGE/many.py:flow_{i}": environments for i in range(number)}
pins = Deployments(flows, source=FolderSource("/srv/flows"), timezone="America/Argentina/Buenos_Aires")
status = main(pins, [command, "prod"])
raise SystemExit(0 if status == 2 else status)
""".replace("PACKAGE", PACKAGE)
FLOW = """
@flow(name="many-{i}", timeout_seconds=60)
def flow_{i}(day: str = "today"):
    pass
"""
NUMBERS = (1, 50, 100)


def measure() -> list[Figure]:
    """Return the wall times of plan and apply, against the import of Prefect, and their requests."""
    with (
        tempfile.TemporaryDirectory() as name,
        open_workshop(Path(name), lambda folder, slug: generate(folder, flow_slug=slug)) as place,
    ):
        flows = "".join(FLOW.format(i=i) for i in range(max(NUMBERS)))
        (place.root / "src" / PACKAGE / "many.py").write_text(
            "from prefect import flow\n" + flows, encoding="utf-8"
        )
        wall = in_turns(3, imported=lambda: _python(place, IMPORT), plan=lambda: _deploy(place, 1, "plan"))
        applied = {number: _deploy(place, number, "apply") for number in NUMBERS}
        planned = {number: _deploy(place, number, "plan") for number in NUMBERS}
        requests = {number: _requests(place, number) for number in NUMBERS}
    first, second = (planned[50] - planned[1]) / 49, (planned[100] - planned[50]) / 50
    return [
        Figure(
            "plan, one deployment",
            wall["plan"],
            "s",
            goal=2.0,
            note=f"import of Prefect alone: {wall['imported']:.2f} s",
        ),
        Figure("plan beyond the import of Prefect, share", 1 - wall["imported"] / wall["plan"], "", goal=0.5),
        Figure("plan, each of 51st to 100th over each of 2nd to 50th", second / first, "x", goal=1.5),
        Figure("plan, 100 deployments", planned[100], "s"),
        Figure("apply, one deployment", applied[1], "s"),
        Figure("apply, 100 deployments", applied[100], "s", note="50 of them new"),
        Figure("requests of a plan, one deployment", requests[1], ""),
        Figure("requests of a plan, each further one", (requests[100] - requests[1]) / 99, ""),
    ]


def _deploy(place: Workshop, number: int, command: str, url: str | None = None) -> float:
    return _python(place, DEPLOY, str(number), command, url=url)


def _python(place: Workshop, code: str, *arguments: str, url: str | None = None) -> float:
    environment = {**place.environment, **({"PREFECT_API_URL": url} if url else {})}
    return run([sys.executable, "-c", code, *arguments], cwd=place.root, environment=environment).seconds


def _requests(place: Workshop, number: int) -> int:
    through: Callable[[str, str], None] = lambda *_: None  # noqa: E731
    with proxy(place.server.url, through) as (url, requests):
        _deploy(place, number, "plan", url=url)
        return len(requests)
