"""How long the command line takes to generate a repository, against a template of one empty file.

    uv run benchmarks/generation.py [rounds]

Both run in turns, in fresh processes with nothing to ask, so that what else the machine does falls on both.
Prints the median of each and their ratio, which is the number to watch: the seconds belong to the machine.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TEMPLATE = Path(__file__).resolve().parents[1]
GOAL = 1.4


def main(rounds: int = 15) -> int:
    """Print the medians and the ratio; 1 where it is over the goal."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        templates = {"empty template": empty_template(folder / "empty"), "flow-template": TEMPLATE}
        seconds: dict[str, list[float]] = {title: [] for title in templates}
        for number in range(rounds + 1):
            for title, template in templates.items():
                elapsed = generation(template, folder / f"{number}-{title}")
                if number:  # the first round compiles bytecode and fills the disk's cache
                    seconds[title].append(elapsed)
    medians = {title: statistics.median(each) for title, each in seconds.items()}
    for title, median in medians.items():
        print(f"{title:15} {median * 1000:6.0f} ms   (best {min(seconds[title]) * 1000:.0f})")
    ratio = medians["flow-template"] / medians["empty template"]
    print(f"{'ratio':15} {ratio:6.2f}      (goal: at most {GOAL})")
    return int(ratio > GOAL)


def empty_template(folder: Path) -> Path:
    """Write the smallest template there is: one question, one empty file."""
    inner = folder / "{{cookiecutter.name}}"
    inner.mkdir(parents=True)
    (inner / "empty.txt").touch()
    (folder / "cookiecutter.json").write_text('{"name": "empty"}', encoding="utf-8")
    return folder


def generation(template: Path, output: Path) -> float:
    """Return the seconds of one whole command."""
    environment = {**os.environ, "HOME": str(output), "USERPROFILE": str(output)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # as on a machine in use
    command = [sys.executable, "-m", "cookiecutter", str(template), "--no-input", "--output-dir", str(output)]
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env=environment)
    return time.perf_counter() - start


if __name__ == "__main__":
    raise SystemExit(main(*map(int, sys.argv[1:])))
