"""The command line that generates a repository, against the same command on a template of one empty file.

All run in turns, in fresh processes with nothing to ask. The ratio is the number to watch: the seconds
belong to the machine, and much of both is cookiecutter's own start; what ours takes beyond that is its hooks, two
processes of Python, and git. The other scaffolds, installed before, write less.
"""

from __future__ import annotations

import itertools
import os
import sys
import tempfile
from functools import partial
from pathlib import Path

from benchmarks.harness import QUICK, TEMPLATE, Figure, in_turns, of_a_user, run
from benchmarks.scaffolds import DAGSTER, KEDRO

RUNS = 1 if QUICK else 15


def measure() -> list[Figure]:
    """Return the median time of each, and their ratios."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environment = of_a_user(folder)
        scripts = _install(folder / "tools", environment)
        pypackage = next((folder / "tools").rglob("cookiecutter_pypackage/template"))
        new: dict[str, list[str | Path]] = {
            "empty template": _cookiecutter(_empty_template(folder / "empty")),
            "this template": _cookiecutter(TEMPLATE),
            "cookiecutter-pypackage": _cookiecutter(pypackage),
            "kedro new": [scripts / "kedro", *KEDRO.new[2:]],
            "create-dagster project": [scripts / "create-dagster", *DAGSTER.new[2:]],
            "prefect init": [sys.executable, "-m", "prefect", "init", "--recipe", "local"],
        }
        outputs = (folder / f"output-{number}" for number in itertools.count())
        files: dict[str, int] = {}

        def generation(side: str) -> float:
            output = next(outputs)
            output.mkdir()
            seconds = run(new[side], cwd=output, environment=environment).seconds
            files[side] = sum(path.is_file() for path in output.rglob("*"))
            return seconds

        medians = in_turns(RUNS, **{side: partial(generation, side) for side in new})
    ours = medians["this template"]
    return [
        Figure(
            "generation: this template over an empty one", ours / medians["empty template"], "x", goal=2.2
        ),
        Figure("generation: this template over kedro new", ours / medians["kedro new"], "x", goal=1),
        *(Figure(f"generation: {side}", medians[side], "s", note=f"{files[side]} files") for side in new),
    ]


def _cookiecutter(template: Path) -> list[str | Path]:
    return [sys.executable, "-m", "cookiecutter", template, "--no-input"]


def _empty_template(folder: Path) -> Path:
    """Write the smallest template there is: one question, one empty file."""
    inside = folder / "{{cookiecutter.name}}"
    inside.mkdir(parents=True)
    (inside / "empty.txt").touch()
    (folder / "cookiecutter.json").write_text('{"name": "empty"}', encoding="utf-8")
    return folder


def _install(folder: Path, environment: dict[str, str]) -> Path:
    """Install the other scaffolds and return the folder of their commands."""
    run(["uv", "venv", "--python", sys.executable, folder], environment=environment)
    packages = [KEDRO.new[1], DAGSTER.new[1].replace("@", "=="), "cookiecutter-pypackage"]
    run(["uv", "pip", "install", *packages], environment={**environment, "VIRTUAL_ENV": str(folder)})
    return folder / ("Scripts" if os.name == "nt" else "bin")
