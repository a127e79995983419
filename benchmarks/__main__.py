"""Run the benchmarks and write their table and plot: `python -m benchmarks [NAME ...]`."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

from benchmarks.harness import RESULTS, Figure, report, table

NAMES = sorted(file.stem.removeprefix("bench_") for file in Path(__file__).parent.glob("bench_*.py"))


def main() -> int:
    """Run the named benchmarks, or all; return 1 where one could not be measured."""
    failed = False
    for name in sys.argv[1:] or NAMES:
        try:
            report(name, importlib.import_module(f"benchmarks.bench_{name}").measure())
        except (RuntimeError, TimeoutError, OSError) as error:
            failed = True
            sys.stderr.write(f"{name}: not measured: {error}\n")
    kept = {
        file.stem: [Figure(**figure) for figure in json.loads(file.read_text(encoding="utf-8"))["figures"]]
        for file in sorted(RESULTS.glob("*.json"))
    }
    sections = [f"## {name}\n\n{table(figures)}\n" for name, figures in kept.items()]
    (RESULTS / "README.md").write_text("# Results\n\n" + "\n".join(sections), encoding="utf-8")
    _plot([figure for figures in kept.values() for figure in figures if figure.goal])
    return int(failed)


def _plot(figures: list[Figure]) -> None:
    try:
        from matplotlib import pyplot as plt  # noqa: PLC0415 - the dependency group `bench` alone has it
    except ImportError:
        return
    plt.rcParams["svg.hashsalt"] = "flow-template"
    canvas, axes = plt.subplots(figsize=(9, 0.4 * len(figures) + 1))
    shares = [figure.value / figure.goal for figure in figures if figure.goal]
    colours = ["#2a7f62" if share <= 1 else "#b3423a" for share in shares]
    axes.barh([figure.name for figure in figures], shares, color=colours)
    axes.axvline(1, color="black", linewidth=1)
    axes.set_xlabel("measured / goal (left of the line: met)")
    axes.invert_yaxis()
    canvas.tight_layout()
    canvas.savefig(RESULTS / "plot.svg", metadata={"Date": None})


if __name__ == "__main__":
    raise SystemExit(main())
