"""What the imports of flow_ops and of the package cost, beyond those of what they import.

Fresh processes in a generated repository's own environment, compiled, all in turns; the fastest of each counts,
because whatever else the machine does can only add to it.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.harness import QUICK, Figure, fastest_in_turns, of_a_user, run
from benchmarks.repository import generate

if TYPE_CHECKING:
    from collections.abc import Callable

IMPORTS = 3 if QUICK else 30
IMPORTED = {
    "prefect": "import prefect",
    "flow": "import prefect; from prefect import flow, task",
    "flow_ops": "from prefect import flow, task; import flow_ops.logs, flow_ops.task_runners",
    # Of the first flow that has a parameter, Prefect looks whether that is of pydantic's old version, and imports it.
    "needed": "from prefect import flow, task; import sqlalchemy; flow(lambda day: day, name='any')",
    "package": "import ventas_diarias.flow",
}


def measure() -> list[Figure]:
    """Return the ratios to what each imports, and what each import takes beyond Prefect's."""
    with tempfile.TemporaryDirectory() as name:
        return _imports(Path(name))


def _imports(folder: Path) -> list[Figure]:
    repository, environment = generate(folder), of_a_user(folder)
    run(["uv", "sync", "--quiet"], cwd=repository, environment=environment)
    python = repository / ".venv" / ("Scripts" if os.name == "nt" else "bin") / "python"

    def importing(code: str) -> Callable[[], float]:
        return lambda: run([python, "-c", code], cwd=repository, environment=environment).seconds

    sides = {name: importing(code) for name, code in IMPORTED.items()}
    for compile_ in sides.values():
        compile_()
    least = fastest_in_turns(IMPORTS, **sides)
    base = least["prefect"]
    return [
        Figure(
            "import of the package over what it needs: a flow of Prefect's with a parameter, and SQLAlchemy",
            least["package"] / least["needed"],
            "x",
            goal=1.05,
        ),
        Figure(
            "import of flow_ops over Prefect's flow and task",
            least["flow_ops"] / least["flow"],
            "x",
            goal=1.05,
        ),
        Figure("import prefect", base, "s"),
        *(
            Figure(f"import of {what}, beyond import prefect", 1000 * (least[name] - base), "ms")
            for name, what in {
                "flow": "Prefect's flow and task",
                "flow_ops": "Prefect's flow and task and flow_ops",
                "needed": "a flow of Prefect's with a parameter, and SQLAlchemy",
                "package": "the package",
            }.items()
        ),
    ]
