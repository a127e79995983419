"""How the benchmarks measure and report: whole processes, in turns, the median of each side."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

RESULTS = Path(__file__).parent / "results"
PACKAGES = ("cookiecutter", "prefect", "pytest", "sqlalchemy", "uv")


@dataclass(frozen=True)
class Figure:
    """One measured number; with a goal it has a verdict, without one it is a statement."""

    name: str
    value: float
    unit: str
    goal: float | None = None
    note: str = ""

    @property
    def verdict(self) -> str:
        """`met` or `missed`, or nothing where no goal is set. Every goal is an upper bound."""
        if self.goal is None:
            return ""
        return "met" if self.value <= self.goal else "missed"


@dataclass(frozen=True)
class Run:
    """One finished process."""

    seconds: float
    peak_mb: float
    status: int


def run(
    command: Sequence[str | Path], *, cwd: Path | None = None, environment: Mapping[str, str] | None = None
) -> Run:
    """Run a command to its end and return its wall time and the peak memory of its largest process.

    Raises:
        RuntimeError: The command failed; the text is the end of its output. A failed run is no figure.
    """
    start = time.perf_counter()
    child = subprocess.Popen(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    output = child.stdout.read() if child.stdout else b""
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        tail = output.decode("utf-8", "replace")[-2000:]
        raise RuntimeError(f"{command} ended with status {child.returncode}:\n{tail}")
    return Run(seconds, usage.ru_maxrss / 1024, child.returncode)


def in_turns(runs: int, **sides: Callable[[], float]) -> dict[str, float]:
    """Measure the sides in turn, `runs` times after one warm-up, and return the median of each."""
    seen: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(runs + 1):
        for name, measure in sides.items():
            value = measure()
            if number:
                seen[name].append(value)
    return {name: statistics.median(values) for name, values in seen.items()}


def machine() -> dict[str, str]:
    """Describe the machine: what a reader needs to judge the figures, and nothing that names it."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        names = [line for line in cpuinfo.read_text(encoding="utf-8").splitlines() if "model name" in line]
        model = names[0].partition(":")[2].strip() if names else model
    found = {"system": platform.system(), "processor": model, "cores": str(os.cpu_count())}
    found["python"] = platform.python_version()
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def table(figures: Sequence[Figure]) -> str:
    """Return the figures as a Markdown table."""
    rows = [("figure", "value", "goal", "verdict", "note"), ("---", "---:", "---:", "---", "---")]
    for figure in figures:
        goal = "" if figure.goal is None else f"<= {figure.goal:g}"
        value = f"{figure.value:.4g} {figure.unit}"
        rows.append((figure.name, value, goal, figure.verdict, figure.note))
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def report(name: str, figures: Sequence[Figure]) -> None:
    """Print the figures of one benchmark and keep them, with the machine's description, in `results/`."""
    RESULTS.mkdir(exist_ok=True)
    document = {"machine": machine(), "figures": [asdict(figure) for figure in figures]}
    file = RESULTS / f"{name}.json"
    file.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    sys.stdout.write(f"\n## {name}\n\n{table(figures)}\n")
