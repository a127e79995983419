"""Run the benchmarks and write their table and plot: `python -m benchmarks [--quick] [NAME ...]`."""

from __future__ import annotations

import argparse
import atexit
import importlib
import json
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.harness import Figure

FILES = sorted(Path(__file__).parent.glob("bench_*.py"))
NAMES = [file.stem.removeprefix("bench_") for file in FILES]


def main() -> int:
    """Run the named benchmarks, or all; return 1 where one could not be measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES))
    parser.add_argument(
        "--quick", action="store_true", help="small sizes, to see that they work; keeps nothing"
    )
    options = parser.parse_args()
    if unknown := set(options.names) - set(NAMES):
        parser.error(f"{', '.join(sorted(unknown))}: none of {', '.join(NAMES)}")
    if options.quick:
        os.environ["BENCHMARKS_QUICK"] = "1"
    # What is stopped from outside ends its servers and workers too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    return _run(options.names or NAMES)


def _run(names: list[str]) -> int:
    # Imported here: the sizes are fixed by then. The tests' own home goes at the end.
    from benchmarks.harness import QUICK, keep, section, table  # noqa: PLC0415
    from helpers.session import pytest_unconfigure  # noqa: PLC0415

    atexit.register(pytest_unconfigure)
    failed = False
    goals: list[Figure] = []
    for name in names:
        try:
            figures = importlib.import_module(f"benchmarks.bench_{name}").measure()
        except (RuntimeError, TimeoutError, OSError) as error:
            failed = True
            sys.stderr.write(f"{name}: not measured: {error}\n")
            continue
        goals += [figure for figure in figures if figure.goal is not None]
        print(f"\n{section(name, figures)}", flush=True)
        if not QUICK:
            keep(name, figures)
    print(f"\n## goals\n\n{table(goals)}")
    if not QUICK:
        _summarise()
    return int(failed)


def _summarise() -> None:
    """Write the table and the plot of all that is kept, also from earlier runs."""
    from benchmarks.harness import RESULTS, Figure, section, table  # noqa: PLC0415

    documents = {file.stem: json.loads(file.read_text("utf-8")) for file in sorted(RESULTS.glob("*.json"))}
    kept = {name: [Figure(**figure) for figure in one["figures"]] for name, one in documents.items()}
    goals = [figure for figures in kept.values() for figure in figures if figure.goal is not None]
    sections = [section(name, figures, machine=documents[name]["machine"]) for name, figures in kept.items()]
    text = "\n".join(["# Results\n", f"## goals\n\n{table(goals)}\n", *sections])
    (RESULTS / "README.md").write_text(text, encoding="utf-8")
    _plot(goals, RESULTS / "plot.svg")


def _plot(figures: list[Figure], file: Path) -> None:
    try:
        from matplotlib import pyplot as plt  # noqa: PLC0415 - the dependency group `bench` alone has it
    except ImportError:
        return
    figures = [figure for figure in figures if figure.goal]  # of none at all there is no share
    plt.rcParams["svg.hashsalt"] = "flow-template"
    canvas, axes = plt.subplots(figsize=(9, 0.4 * len(figures) + 1))
    shares = [figure.value / figure.goal for figure in figures if figure.goal]
    colours = ["#2a7f62" if share <= 1 else "#b3423a" for share in shares]
    axes.barh([figure.name for figure in figures], shares, color=colours)
    axes.axvline(1, color="black", linewidth=1)
    axes.set_xlabel("measured / goal (left of the line: met)")
    axes.invert_yaxis()
    canvas.tight_layout()
    canvas.savefig(file, metadata={"Date": None})


if __name__ == "__main__":
    raise SystemExit(main())
