"""The command line that generates a repository, against the same command on a template of one empty file.

Both run in turns, in fresh processes with nothing to ask. The ratio is the number to watch: the seconds
belong to the machine, and most of both is cookiecutter's own start.
"""

from __future__ import annotations

import itertools
import os
import sys
import tempfile
from pathlib import Path

from benchmarks.harness import Figure, in_turns, run

TEMPLATE = Path(__file__).resolve().parents[1]
RUNS = 15


def measure() -> list[Figure]:
    """Return the median time of each, and their ratio."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        empty = _empty_template(folder / "empty")
        outputs = (folder / f"output-{number}" for number in itertools.count())
        medians = in_turns(
            RUNS,
            empty=lambda: _generation(empty, next(outputs)),
            ours=lambda: _generation(TEMPLATE, next(outputs)),
        )
    return [
        Figure("generation: ratio to an empty template", medians["ours"] / medians["empty"], "", goal=1.4),
        Figure("generation: this template", medians["ours"], "s"),
        Figure("generation: empty template", medians["empty"], "s", note="cookiecutter's own floor"),
    ]


def _empty_template(folder: Path) -> Path:
    """Write the smallest template there is: one question, one empty file."""
    inside = folder / "{{cookiecutter.name}}"
    inside.mkdir(parents=True)
    (inside / "empty.txt").touch()
    (folder / "cookiecutter.json").write_text('{"name": "empty"}', encoding="utf-8")
    return folder


def _generation(template: Path, output: Path) -> float:
    """Return the seconds of one whole command."""
    environment = {name: str(output) for name in ("HOME", "USERPROFILE")}
    # As on a machine in use: bytecode is kept between runs.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, "-m", "cookiecutter", template, "--no-input", "--output-dir", output]
    return run(command, environment=environment).seconds
