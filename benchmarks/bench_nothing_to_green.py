"""From nothing to green tests: generate, make the environment, run what tests came with it.

Each side in turns, in fresh folders, with what is typed on a machine that has done it before: uv's cache is
warm, and so are the plugin's migrated database and the commands of `uvx`. The hand-made project is there already
when its clock starts. Of the sides only two run a flow: these give the verdict, and are measured more often.
"""

from __future__ import annotations

import itertools
import statistics
import sys
import tempfile
from pathlib import Path

from benchmarks.harness import QUICK, Figure, of_a_user, run
from benchmarks.scaffolds import BY_HAND, DAGSTER, KEDRO, OURS, Scaffold, write_by_hand

RUNS = 1 if QUICK else 3
RUNS_OF_THE_VERDICT = 1 if QUICK else 9
STAGES = ("new", "environment", "check")


def measure() -> list[Figure]:
    """Return the seconds of each side, by stage, and the ratios to ours."""
    seen: dict[str, list[tuple[float, ...]]] = {}
    with tempfile.TemporaryDirectory() as name:
        environment = of_a_user(Path(name))
        folders = (Path(name) / str(number) for number in itertools.count())
        sides = [
            BY_HAND,
            OURS,
            *(side for side in (KEDRO, DAGSTER) if _works(side, next(folders), environment)),
        ]
        for number in range(RUNS_OF_THE_VERDICT + 1):
            for side in sides if number <= RUNS else sides[:2]:
                stages = _stages(side, next(folders), environment)
                if number:
                    seen.setdefault(side.name, []).append(stages)
    whole = {side: statistics.median(map(sum, runs)) for side, runs in seen.items()}
    ours = whole[OURS.name]
    return [
        Figure("nothing to green: ours over by hand, stock harness", ours / whole[BY_HAND.name], "x", 0.5),
        *(
            Figure(f"nothing to green: ours over {side.name}", ours / whole[side.name], "x", None, side.note)
            for side in sides[2:]
        ),
        *(_figure(side, whole[side.name], seen[side.name]) for side in sides),
    ]


def _figure(side: Scaffold, seconds: float, runs: list[tuple[float, ...]]) -> Figure:
    medians = [statistics.median(stage) for stage in zip(*runs, strict=True)]
    stages = ", ".join(f"{name} {value:.1f} s" for name, value in zip(STAGES, medians, strict=True))
    return Figure(f"nothing to green: {side.name}", seconds, "s", None, f"{stages}; {side.note}")


def _works(side: Scaffold, folder: Path, environment: dict[str, str]) -> bool:
    """Say whether a scaffold can be installed here at all."""
    try:
        _stages(side, folder, environment)
    except RuntimeError as error:
        sys.stderr.write(f"{side.name}: not measured: {error}\n")
        return False
    return True


def _stages(side: Scaffold, folder: Path, environment: dict[str, str]) -> tuple[float, ...]:
    project = folder / side.folder
    project.parent.mkdir(parents=True)
    if side.new:
        new = run(side.new, cwd=folder, environment=environment).seconds
    else:
        new = 0.0
        write_by_hand(project)
    return (
        new,
        *(
            run(command, cwd=project, environment=environment).seconds
            for command in (side.environment, side.check)
        ),
    )
